#include <algorithm>
#include <array>

#include "delta/coder/coders.h"
#include "delta/coder/view_reader.h"
#include "delta/encode/block_encoder.h"
#include "delta/format/header.h"

// Blocks of tensors: the part of BlockEncoder that knows types and old values.
namespace strandline::delta {
namespace {

std::uint8_t median_of(ByteSpan bytes) {
    std::array<std::size_t, 256> counts{};
    for (const auto byte : bytes) ++counts[static_cast<std::size_t>(byte)];
    std::size_t below = 0;
    std::size_t value = 0;
    while (value < 255 && 2 * (below + counts[value]) < bytes.size()) below += counts[value++];
    return static_cast<std::uint8_t>(value);
}

}  // namespace

TensorBlock BlockEncoder::tensor_block(const Gap& gap) const {
    const TensorPart& part = *gap.part;
    const std::uint64_t length = gap.end - gap.begin;
    const std::uint64_t one = element_size(part.type);
    TensorBlock block{&part, gap.begin, new_file_.subspan(gap.begin, length), {}, 0};
    if (part.old_begin)
        block.old = old_file_.subspan(*part.old_begin + (gap.begin - part.begin), length);
    block.skip = static_cast<std::uint8_t>((one - (gap.begin - part.begin) % one) % one);
    return block;
}

// Type and old values are known here, so only the method is tried.
std::optional<BlockEncoder::Choice> BlockEncoder::encode_tensor(const Gap& gap, bool may_decline) {
    const TensorPart& part = *gap.part;
    const std::uint64_t length = gap.end - gap.begin;
    Choice choice{gap.begin, gap.end, false, {}, {}};
    choice.record.coder = static_cast<std::uint8_t>(CoderId::numbers);
    choice.record.length = length;
    auto block = tensor_block(gap);
    if (part.old_begin)
        choice.record.windows = {{*part.old_begin + (gap.begin - part.begin), length}};
    if (part.view) {
        choice.record.view = load_view(part, gap.begin, gap.end);
        if (choice.record.view) block.old = view_;
    }
    auto coded = tensors_.code(block);
    if (coded.windows) choice.record.windows = *coded.windows;
    choice.payload = std::move(coded.numbers.payload);
    Choice raw{gap.begin, gap.end, true, {}, {}};
    Choice best = choice.cost() < raw.cost() ? std::move(choice) : std::move(raw);
    const bool by_numbers = !best.raw;
    try_mixed(gap, block.bytes, best);
    if (may_decline) {
        // What other literals tell is no help where mixing has found nearly all that there is.
        const bool mixed = best.record.coder == static_cast<std::uint8_t>(CoderId::mixed);
        const std::uint64_t rival = mixed ? best.cost() - best.cost() / 20 : best.cost();
        const double share = static_cast<double>(rival) / static_cast<double>(length);
        if (tensors_.matches_may_win(share)) {
            if (matches_win(gap, rival)) return std::nullopt;
            tensors_.matches_lost(share);
        }
    } else if (limits_.thorough && lz_may_win(gap, best)) {
        auto lz = encode_lz(gap, gap.begin, gap.end, limits_.level);
        if (lz.cost() < best.cost()) return lz;
    }
    if (by_numbers && best.record.coder == static_cast<std::uint8_t>(CoderId::numbers))
        tensors_.keep(std::move(coded));
    return best;
}

// What the reader will see of the old tensor goes to view_. Nothing for blocks that cut numbers.
std::optional<OldView> BlockEncoder::load_view(const TensorPart& part, std::uint64_t begin,
                                               std::uint64_t end) {
    const std::uint64_t one = element_size(part.type);
    const std::uint64_t length = end - begin;
    if (length > limits_.reference_bytes || length % one != 0 || (begin - part.begin) % one != 0)
        return std::nullopt;
    auto view = share_of(*part.view, (begin - part.begin) / one, length / one, view_scales_);
    if (!view || !check_view(*view, length / one, at_hand_)) return std::nullopt;
    view_.resize(static_cast<std::size_t>(length));
    scratch_.resize(std::max<std::size_t>(scratch_.size(), copy_window_bytes));
    if (!read_view(*view, MemoryReader(old_file_), view_, scratch_)) return std::nullopt;
    return view;
}

// Bytes of unrelated weights: slow on both sides, so it must be worth it.
void BlockEncoder::try_mixed(const Gap& gap, ByteSpan block, Choice& best) {
    const TensorPart& part = *gap.part;
    const bool bytes = part.type == ElementType::i8 || part.type == ElementType::u8;
    if (!bytes || !limits_.mixer || best.cost() < block.size() * 2 / 5) return;
    number::ByteGrid grid;
    for (const auto columns : {part.last_columns, part.columns}) {
        if (columns > 1 && columns <= number::max_byte_columns)
            grid.columns = static_cast<std::size_t>(columns);
    }
    if (part.type == ElementType::u8) grid.centre = median_of(block);
    Choice choice{gap.begin, gap.end, false, {}, {}};
    choice.record.coder = static_cast<std::uint8_t>(CoderId::mixed);
    choice.record.length = block.size();
    if (part.old_begin) {
        const OldRange window{*part.old_begin + (gap.begin - part.begin), block.size()};
        choice.record.windows = {window};
        grid.old = old_file_.subspan(window.offset, window.length);
    }
    encode_mixed_block(block, grid, mixer_, choice.payload);
    const std::uint64_t gain = best.cost() / (limits_.thorough ? 256 : 32);
    if (choice.cost() + gain < best.cost()) best = std::move(choice);
}

}  // namespace strandline::delta
