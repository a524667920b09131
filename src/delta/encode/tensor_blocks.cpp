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

double share_of_block(const NumberChooser::Coded& coded, ByteSpan block) {
    return static_cast<double>(coded.payload.size()) / static_cast<double>(block.size());
}

}  // namespace

std::uint64_t BlockEncoder::Numbers::first() const {
    const std::uint64_t one = element_size(part->type);
    return (begin - part->begin + one - 1) / one;
}

// Long blocks are represented by their middle.
BlockEncoder::Numbers BlockEncoder::Numbers::sample(std::size_t most) const {
    if (block.size() <= 2 * most) return *this;
    const std::size_t one = element_size(part->type);
    const std::size_t start = skip + (block.size() - most) / 2 / one * one;
    Numbers middle{part, begin + start, block.subspan(start, most), {}, 0};
    if (!old.empty()) middle.old = old.subspan(start, most);
    return middle;
}

BlockEncoder::Numbers BlockEncoder::numbers_of(const Gap& gap) const {
    const TensorPart& part = *gap.part;
    const std::uint64_t length = gap.end - gap.begin;
    const std::uint64_t one = element_size(part.type);
    Numbers numbers{&part, gap.begin, new_file_.subspan(gap.begin, length), {}, 0};
    if (part.old_begin)
        numbers.old = old_file_.subspan(*part.old_begin + (gap.begin - part.begin), length);
    numbers.skip = static_cast<std::uint8_t>((one - (gap.begin - part.begin) % one) % one);
    return numbers;
}

// Type and old values are known here, so only the method is tried.
std::optional<BlockEncoder::Choice> BlockEncoder::encode_tensor(const Gap& gap, bool may_decline) {
    const TensorPart& part = *gap.part;
    const std::uint64_t length = gap.end - gap.begin;
    Choice choice{gap.begin, gap.end, false, {}, {}};
    choice.record.coder = static_cast<std::uint8_t>(CoderId::numbers);
    choice.record.length = length;
    auto numbers = numbers_of(gap);
    if (part.old_begin)
        choice.record.windows = {{*part.old_begin + (gap.begin - part.begin), length}};
    if (part.view) {
        choice.record.view = load_view(part, gap.begin, gap.end);
        if (choice.record.view) numbers.old = view_;
    }
    auto coded = code_tensor(numbers, choice.record.windows);
    choice.payload = std::move(coded.payload);
    Choice raw{gap.begin, gap.end, true, {}, {}};
    Choice best = choice.cost() < raw.cost() ? std::move(choice) : std::move(raw);
    const bool by_numbers = !best.raw;
    try_mixed(gap, numbers.block, best);
    if (may_decline) {
        // What other literals tell is no help where mixing has found nearly all that there is.
        const bool mixed = best.record.coder == static_cast<std::uint8_t>(CoderId::mixed);
        const std::uint64_t rival = mixed ? best.cost() - best.cost() / 20 : best.cost();
        const double share = static_cast<double>(rival) / static_cast<double>(length);
        constexpr double allowance = 1.15;
        if (share > habit_.hopeless_share * allowance) {
            if (matches_win(gap, rival)) return std::nullopt;
            habit_.hopeless_share = share;
            remember_kind();
        }
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
    const std::uint64_t one = element_size(part.type);
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

// How the first tensor of a kind is best coded, whatever was coded here before.
Habit BlockEncoder::learn(const TensorPart& part) {
    const auto before = numbers_.snapshot();
    numbers_.begin_segment();
    right_sent_ = false;
    if (limits_.factors) study_.look_at(part);
    Gap gap;
    gap.begin = part.begin;
    gap.end = std::min<std::uint64_t>(part.end, part.begin + limits_.block_bytes);
    gap.part = &part;
    const auto numbers = numbers_of(gap);
    habit_ = {};
    std::vector<OldRange> windows;
    const auto coded = code_by_trial(numbers, windows, std::nullopt);
    habit_.take(share_of_block(coded, numbers.block));
    right_pending_ = false;
    numbers_.restore(*before);
    return habit_;
}

void BlockEncoder::begin_part(const TensorPart& part) {
    habit_ = {};
    habit_part_ = &part;
    if (part.kind) {
        auto& habit = segment_habits_[*part.kind];
        if (!habit)
            habit = kind_habits_->of(*part.kind, [&] { return learn((*kinds_)[*part.kind]); });
        habit_ = *habit;
        // Matches are found in one tensor, and not in another one.
        if (!part.old_begin) habit_.hopeless_share = Habit{}.hopeless_share;
    }
    if (limits_.factors && study_.look_at(part)) right_sent_ = false;
}

// For the next part of the kind, if this one is no exception.
void BlockEncoder::remember_kind() {
    if (!habit_part_->kind) return;
    auto& habit = *segment_habits_[*habit_part_->kind];
    if (habit.predicted == habit_.predicted && habit.rough == habit_.rough &&
        habit.same_mode(habit_.mode))
        habit = habit_;
}

// Whether samples of a block that is dearer or cheaper than those before say the same of it.
bool BlockEncoder::is_usual(const Numbers& numbers) {
    return !habit_.predicted && !habit_.rough && habit_.same_mode(plain_mode(numbers));
}

NumberChooser::Coded BlockEncoder::code_tensor(const Numbers& numbers,
                                               std::vector<OldRange>& windows) {
    const TensorPart& part = *numbers.part;
    bool known = habit_part_ == &part;
    if (!known) {
        begin_part(part);
        known = part.kind && habit_.seen == study_.seen();
    }
    std::optional<NumberChooser::Coded> predicted;
    if (known) {
        const auto plain_windows = windows;
        auto coded = code_as_before(numbers, windows);
        const double share = coded ? share_of_block(*coded, numbers.block) : 0;
        if (coded && (habit_.expects(share) || is_usual(numbers))) {
            habit_.take(share);
            remember_kind();
            return std::move(*coded);
        }
        if (habit_.predicted) predicted = std::move(coded);
        windows = plain_windows;
    }
    auto coded = code_by_trial(numbers, windows, std::move(predicted));
    habit_.least_share = habit_.most_share = share_of_block(coded, numbers.block);
    return coded;
}

NumberChooser::Coded BlockEncoder::code_predicted(const Numbers& numbers, const NumberMode& mode,
                                                  const PlannedPrediction& planned) {
    load_reference(planned.windows);
    return numbers_.encode(numbers.block, reference_, mode, planned.prediction);
}

// As the last block of the part; nothing where this one cannot be.
std::optional<NumberChooser::Coded> BlockEncoder::code_as_before(const Numbers& numbers,
                                                                 std::vector<OldRange>& windows) {
    right_pending_ = false;
    NumberMode mode = habit_.mode;
    mode.skip = numbers.skip;
    if (mode.columns != 0) mode.column = static_cast<std::uint32_t>(numbers.first() % mode.columns);
    std::optional<PlannedPrediction> planned;
    if (habit_.predicted) {
        planned = study_.predict(numbers.begin, numbers.end(), right_sent_);
        if (!planned) return std::nullopt;
    } else if (habit_.rough) {
        auto rough = study_.rough_predictions(numbers.begin, numbers.end());
        if (rough.size() <= *habit_.rough) return std::nullopt;
        planned = std::move(rough[*habit_.rough]);
    }
    auto coded = planned ? code_predicted(numbers, mode, *planned)
                         : numbers_.encode(numbers.block, numbers.old, mode, {});
    right_pending_ = habit_.predicted && planned->prediction.predictor == Predictor::low_rank;
    if (planned) windows = planned->windows;
    return coded;
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
