#include <algorithm>
#include <limits>

#include "delta/encode/block_encoder.h"

// How a block of a tensor is best coded, by trial: the part of BlockEncoder that compares.
namespace strandline::delta {
namespace {

// What a whole block would take, of which `sample_bytes` were coded to `coded` bytes; `fixed` of
// them, once.
double scaled(std::size_t coded, std::size_t fixed, std::size_t sample_bytes, std::size_t bytes) {
    const double factor = static_cast<double>(bytes) / static_cast<double>(sample_bytes);
    return static_cast<double>(coded - std::min(coded, fixed)) * factor +
           static_cast<double>(fixed);
}

}  // namespace

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
    if (plain_may_win(numbers, mode, best.payload.size())) {
        auto plain = code_plainly(numbers);
        if (plain.payload.size() <= best.payload.size()) return plain;
    }
    right_pending_ = planned->prediction.predictor == Predictor::low_rank;
    habit_.predicted = true;
    habit_.mode = mode;
    windows = planned->windows;
    return best;
}

// Whether the old numbers as they are come near a prediction, by which the block takes `rival`.
bool BlockEncoder::plain_may_win(const Numbers& numbers, const NumberMode& mode,
                                 std::size_t rival) {
    constexpr std::size_t short_sample_bytes = 32u << 10;
    if (numbers.part->type == ElementType::f32 && rival < numbers.block.size() / 4) return false;
    const auto sample = numbers.sample(short_sample_bytes);
    if (sample.block.size() == numbers.block.size()) return true;
    // Rows differ, so both are compared in the same ones; factors of columns are sent once.
    const auto planned = study_.predict(sample.begin, sample.end(), true);
    if (!planned) return true;
    NumberMode predicted = mode;
    predicted.skip = sample.skip;
    const auto plain =
        numbers_.choose_method(sample.block, sample.old, sample.part->type, sample.skip);
    const auto cost = numbers_.encode(sample.block, sample.old, plain, {}).payload.size();
    const auto rivals = code_predicted(sample, predicted, *planned).payload.size();
    return cost < rivals;
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
