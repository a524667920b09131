#include <algorithm>
#include <array>
#include <limits>

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

// What a whole block would take, of which `sample_bytes` were coded to `coded` bytes; `fixed` of
// them, once.
double scaled(std::size_t coded, std::size_t fixed, std::size_t sample_bytes, std::size_t bytes) {
    const double factor = static_cast<double>(bytes) / static_cast<double>(sample_bytes);
    return static_cast<double>(coded - std::min(coded, fixed)) * factor +
           static_cast<double>(fixed);
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

// What is predicted may be coded already.
NumberChooser::Coded BlockEncoder::code_by_trial(const Numbers& numbers,
                                                 std::vector<OldRange>& windows,
                                                 std::optional<NumberChooser::Coded> predicted) {
    right_pending_ = false;
    habit_.predicted = false;
    habit_.rough.reset();
    habit_.seen = study_.seen();
    const auto planned =
        limits_.factors ? study_.predict(numbers.begin, numbers.end(), right_sent_) : std::nullopt;
    if (!planned) {
        auto plain = code_plainly(numbers);
        if (limits_.factors) try_rough(numbers, plain, windows);
        return plain;
    }
    const NumberMode mode{numbers.part->type, number::Method::absolute, numbers.skip, 0, false};
    auto best = predicted ? std::move(*predicted) : code_predicted(numbers, mode, *planned);
    if (plain_may_win(numbers, best.payload.size())) {
        auto plain = code_plainly(numbers);
        if (plain.payload.size() <= best.payload.size()) return plain;
    }
    right_pending_ = planned->prediction.predictor == Predictor::low_rank;
    habit_.predicted = true;
    habit_.mode = mode;
    windows = planned->windows;
    return best;
}

// Whether the old numbers as they are come near a prediction.
bool BlockEncoder::plain_may_win(const Numbers& numbers, std::size_t rival) {
    constexpr std::size_t short_sample_bytes = 32u << 10;
    constexpr double allowance = 0.85;
    if (numbers.part->type == ElementType::f32 && rival < numbers.block.size() / 4) return false;
    const auto sample = numbers.sample(short_sample_bytes);
    if (sample.block.size() == numbers.block.size()) return true;
    const auto mode =
        numbers_.choose_method(sample.block, sample.old, sample.part->type, sample.skip);
    const auto coded = numbers_.encode(sample.block, sample.old, mode, {});
    return allowance * scaled(coded.payload.size(), 0, sample.block.size(), numbers.block.size()) <
           static_cast<double>(rival);
}

// The best one by samples, for old numbers as they are.
NumberMode BlockEncoder::plain_mode(const Numbers& numbers) {
    auto mode =
        numbers_.choose_method(numbers.block, numbers.old, numbers.part->type, numbers.skip);
    if (limits_.factors) choose_columns(numbers, mode);
    return mode;
}

NumberChooser::Coded BlockEncoder::code_plainly(const Numbers& numbers) {
    auto& mode = habit_.mode;
    mode = plain_mode(numbers);
    auto plain = numbers_.encode(numbers.block, numbers.old, mode, {});
    // Samples may call a relative useless where only their stretch was replaced, and that is dear.
    if (mode.method == number::Method::direct && !numbers.old.empty()) {
        NumberMode related = mode;
        related.method = number::Method::absolute;
        auto other = numbers_.encode(numbers.block, numbers.old, related, {});
        if (other.payload.size() < plain.payload.size()) {
            plain = std::move(other);
            mode = related;
        }
    }
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

// Factors of rows or columns, with differences of both kinds; what wins is coded as a whole.
void BlockEncoder::try_rough(const Numbers& numbers, NumberChooser::Coded& best,
                             std::vector<OldRange>& windows) {
    constexpr std::size_t rough_sample_bytes = 64u << 10;
    const auto sample = numbers.sample(rough_sample_bytes);
    const auto planned = study_.rough_predictions(sample.begin, sample.end());
    if (planned.empty()) return;
    const auto all_bytes = numbers.block.size();
    const auto cost_of = [&](const NumberChooser::Coded& coded, std::size_t fixed) {
        return scaled(coded.payload.size(), fixed, sample.block.size(), all_bytes);
    };
    NumberMode plain_mode = habit_.mode;
    const auto place = [&](NumberMode& mode) {
        mode.skip = sample.skip;
        if (mode.columns != 0)
            mode.column = static_cast<std::uint32_t>(sample.first() % mode.columns);
    };
    place(plain_mode);
    double least = cost_of(numbers_.encode(sample.block, sample.old, plain_mode, {}), 0);
    std::optional<std::size_t> winner;
    NumberMode winning;
    for (std::size_t i = 0; i < planned.size(); ++i) {
        const auto& prediction = planned[i].prediction;
        // Factors of columns are sent whole with each block.
        const bool by_columns = prediction.predictor == Predictor::scale_columns;
        const std::size_t fixed = by_columns ? prediction.scales.size() * sizeof(float) : 0;
        NumberMode tried = habit_.mode;
        tried.columns = 0;
        place(tried);
        double least_of_this = std::numeric_limits<double>::infinity();
        NumberMode cheapest = tried;
        const auto attempt = [&] {
            const double cost = cost_of(code_predicted(sample, tried, planned[i]), fixed);
            if (cost < least_of_this) {
                least_of_this = cost;
                cheapest = tried;
            }
            if (cost >= least) return;
            least = cost;
            winner = i;
            winning = tried;
        };
        for (const auto method : {number::Method::absolute, number::Method::relative}) {
            tried.method = method;
            attempt();
        }
        if (prediction.grid.columns > max_column_count) continue;
        tried = cheapest;
        tried.columns = static_cast<std::uint32_t>(prediction.grid.columns);
        place(tried);
        for (const bool rows : {false, true}) {
            tried.rows = rows;
            attempt();
        }
    }
    if (!winner) return;
    auto whole = study_.rough_predictions(numbers.begin, numbers.end());
    if (whole.size() <= *winner) return;
    winning.skip = numbers.skip;
    if (winning.columns != 0)
        winning.column = static_cast<std::uint32_t>(numbers.first() % winning.columns);
    auto coded = code_predicted(numbers, winning, whole[*winner]);
    if (coded.payload.size() >= best.payload.size()) return;
    best = std::move(coded);
    habit_.rough = winner;
    habit_.mode = winning;
    windows = whole[*winner].windows;
}

// Whether it helps to tell columns or rows apart: of the first axis, or of the last one.
void BlockEncoder::choose_columns(const Numbers& numbers, NumberMode& mode) {
    // Short tensors are not worth long trials.
    constexpr std::size_t least_sample_bytes = 32u << 10;
    constexpr std::size_t most_sample_bytes = 64u << 10;
    const TensorPart& part = *numbers.part;
    const std::uint64_t one = element_size(part.type);
    const auto sample = numbers.sample(static_cast<std::size_t>(std::clamp<std::uint64_t>(
        (part.end - part.begin) / 32, least_sample_bytes, most_sample_bytes)));
    mode.skip = sample.skip;
    std::vector<NumberMode> candidates;
    for (const auto columns : {part.columns, part.last_columns}) {
        constexpr std::uint64_t min_rows = 4;
        if (columns < 2 || columns > max_column_count ||
            columns * min_rows * one > numbers.block.size())
            continue;
        if (!candidates.empty() && candidates.front().columns == columns) continue;
        NumberMode candidate = mode;
        candidate.columns = static_cast<std::uint32_t>(columns);
        candidate.column = static_cast<std::uint32_t>(sample.first() % columns);
        for (const bool rows : {false, true}) {
            candidate.rows = rows;
            candidate.method = mode.method;
            candidates.push_back(candidate);
            if (mode.method == number::Method::direct || numbers.old.empty()) continue;
            // Columns may be all that numbers of an unrelated tensor have in common.
            candidate.method = number::Method::direct;
            if (numbers_.nearly_direct()) candidates.push_back(candidate);
        }
    }
    if (!candidates.empty()) mode = numbers_.cheapest(sample.block, sample.old, mode, candidates);
    mode.skip = numbers.skip;
    if (mode.columns != 0) mode.column = static_cast<std::uint32_t>(numbers.first() % mode.columns);
}

}  // namespace strandline::delta
