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

// Type and old values are known here, so only the method is tried.
std::optional<BlockEncoder::Choice> BlockEncoder::encode_tensor(const Gap& gap, bool may_decline) {
    const TensorPart& part = *gap.part;
    const std::uint64_t length = gap.end - gap.begin;
    const std::uint64_t one = number::number_bytes(part.type);
    Choice choice{gap.begin, gap.end, false, {}, {}};
    choice.record.coder = static_cast<std::uint8_t>(CoderId::numbers);
    choice.record.length = length;
    const auto block = new_file_.subspan(gap.begin, length);
    ByteSpan old;
    if (part.old_begin) {
        const std::uint64_t old_begin = *part.old_begin + (gap.begin - part.begin);
        old = old_file_.subspan(old_begin, length);
        choice.record.windows = {{old_begin, length}};
    }
    if (part.view) {
        choice.record.view = load_view(part, gap.begin, gap.end);
        if (choice.record.view) old = view_;
    }
    const auto skip = static_cast<std::uint8_t>((one - (gap.begin - part.begin) % one) % one);
    auto coded = code_tensor(gap, block, old, skip, choice.record.windows);
    choice.payload = std::move(coded.payload);
    Choice raw{gap.begin, gap.end, true, {}, {}};
    Choice best = choice.cost() < raw.cost() ? std::move(choice) : std::move(raw);
    const bool by_numbers = !best.raw;
    try_mixed(gap, block, best);
    if (may_decline) {
        // What other literals tell is no help where mixing has found nearly all that there is.
        const bool mixed = best.record.coder == static_cast<std::uint8_t>(CoderId::mixed);
        const std::uint64_t rival = mixed ? best.cost() - best.cost() / 20 : best.cost();
        if (matches_win(gap, rival)) return std::nullopt;
    } else if (limits_.thorough && lz_may_win(gap, best)) {
        auto lz = encode_lz(gap, gap.begin, gap.end, limits_.level);
        if (lz.cost() < best.cost()) return lz;
    }
    if (by_numbers && best.record.coder == static_cast<std::uint8_t>(CoderId::numbers)) {
        numbers_.keep(std::move(coded));
        right_sent_ = right_sent_ || right_pending_;
    }
    return best;
}

// What the reader will see of the old tensor goes to view_. Nothing for blocks that cut numbers.
std::optional<OldView> BlockEncoder::load_view(const TensorPart& part, std::uint64_t begin,
                                               std::uint64_t end) {
    const std::uint64_t one = number::number_bytes(part.type);
    const std::uint64_t length = end - begin;
    if (length > limits_.reference_bytes || length % one != 0 || (begin - part.begin) % one != 0)
        return std::nullopt;
    const auto view = share_of(*part.view, (begin - part.begin) / one, length / one, view_scales_);
    if (!view || !check_view(*view, length / one, at_hand_)) return std::nullopt;
    view_.resize(static_cast<std::size_t>(length));
    scratch_.resize(std::max<std::size_t>(scratch_.size(), copy_window_bytes));
    if (!read_view(*view, MemoryReader(old_file_), view_, scratch_)) return std::nullopt;
    return view;
}

NumberChooser::Coded BlockEncoder::code_tensor(const Gap& gap, ByteSpan block, ByteSpan old,
                                               std::uint8_t skip, std::vector<OldRange>& windows) {
    right_pending_ = false;
    std::optional<NumberChooser::Coded> best;
    if (limits_.factors && study_.look_at(*gap.part)) right_sent_ = false;
    const auto planned =
        limits_.factors ? study_.predict(gap.begin, gap.end, right_sent_) : std::nullopt;
    if (planned) {
        load_reference(planned->windows);
        best = numbers_.encode(block, reference_,
                               {gap.part->type, number::Method::absolute, skip, 0, false},
                               planned->prediction);
        right_pending_ = planned->prediction.predictor == Predictor::low_rank;
        // Nothing else comes near.
        if (gap.part->type == ElementType::f32 && best->payload.size() < block.size() / 4) {
            windows = planned->windows;
            return std::move(*best);
        }
    }
    auto mode = numbers_.choose_method(block, old, gap.part->type, skip);
    if (limits_.factors) choose_columns(gap, block, old, mode);
    auto plain = numbers_.encode(block, old, mode, {});
    // Samples may call a relative useless where only their stretch was replaced, and that is dear.
    if (mode.method == number::Method::direct && !old.empty()) {
        NumberMode related = mode;
        related.method = number::Method::absolute;
        auto other = numbers_.encode(block, old, related, {});
        if (other.payload.size() < plain.payload.size()) plain = std::move(other);
    }
    if (best && best->payload.size() < plain.payload.size()) {
        windows = planned->windows;
        return std::move(*best);
    }
    if (limits_.factors && !planned) try_rough(gap, block, mode, plain);
    right_pending_ = false;
    return plain;
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

// Factors of rows or columns, with differences of both kinds. The windows are those of `best`.
void BlockEncoder::try_rough(const Gap& gap, ByteSpan block, const NumberMode& mode,
                             NumberChooser::Coded& best) {
    for (const auto& planned : study_.rough_predictions(gap.begin, gap.end)) {
        load_reference(planned.windows);
        NumberMode tried = mode;
        tried.columns = 0;
        std::size_t least = best.payload.size();
        NumberMode cheapest = tried;
        const auto attempt = [&] {
            auto coded = numbers_.encode(block, reference_, tried, planned.prediction);
            if (coded.payload.size() < least) {
                least = coded.payload.size();
                cheapest = tried;
            }
            if (coded.payload.size() < best.payload.size()) best = std::move(coded);
        };
        for (const auto method : {number::Method::absolute, number::Method::relative}) {
            tried.method = method;
            attempt();
        }
        if (planned.prediction.grid.columns > max_column_count) continue;
        tried = cheapest;
        tried.columns = static_cast<std::uint32_t>(planned.prediction.grid.columns);
        tried.column = static_cast<std::uint32_t>(planned.prediction.grid.phase);
        for (const bool rows : {false, true}) {
            tried.rows = rows;
            attempt();
        }
    }
}

// Whether it helps to tell columns or rows apart: of the first axis, or of the last one.
void BlockEncoder::choose_columns(const Gap& gap, ByteSpan block, ByteSpan old, NumberMode& mode) {
    const TensorPart& part = *gap.part;
    const std::uint64_t one = number::number_bytes(part.type);
    const std::uint64_t first = (gap.begin - part.begin + one - 1) / one;
    std::vector<NumberMode> candidates;
    for (const auto columns : {part.columns, part.last_columns}) {
        constexpr std::uint64_t min_rows = 4;
        if (columns < 2 || columns > max_column_count || columns * min_rows * one > block.size())
            continue;
        if (!candidates.empty() && candidates.front().columns == columns) continue;
        NumberMode candidate = mode;
        candidate.columns = static_cast<std::uint32_t>(columns);
        candidate.column = static_cast<std::uint32_t>(first % columns);
        for (const bool rows : {false, true}) {
            candidate.rows = rows;
            candidate.method = mode.method;
            candidates.push_back(candidate);
            if (mode.method == number::Method::direct || old.empty()) continue;
            // Columns may be all that numbers of an unrelated tensor have in common.
            candidate.method = number::Method::direct;
            if (numbers_.nearly_direct()) candidates.push_back(candidate);
        }
    }
    if (!candidates.empty()) mode = numbers_.cheapest(block, old, mode, candidates);
}

}  // namespace strandline::delta
