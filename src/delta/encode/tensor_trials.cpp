#include <algorithm>
#include <limits>

#include "delta/encode/tensor_coder.h"

// How a block of a tensor is best coded, by trial: the part of TensorCoder that compares.
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
TensorCoder::Coded TensorCoder::code_by_trial(const TensorBlock& block,
                                              std::optional<Coded> predicted) {
    habit_.predicted = false;
    habit_.rough.reset();
    habit_.seen = study_.seen();
    auto planned =
        limits_.factors ? study_.predict(block.begin, block.end(), right_sent_) : std::nullopt;
    if (!planned) {
        auto plain = code_plainly(block);
        if (limits_.factors) try_rough(block, plain);
        return plain;
    }
    const NumberMode mode{block.part->type, number::Method::absolute, block.skip, 0, false};
    auto best =
        predicted ? std::move(*predicted) : code_predicted(block, mode, std::move(*planned));
    if (plain_may_win(block, mode, best.numbers.payload.size())) {
        auto plain = code_plainly(block);
        if (plain.numbers.payload.size() <= best.numbers.payload.size()) return plain;
    }
    habit_.predicted = true;
    habit_.mode = mode;
    return best;
}

TensorCoder::Coded TensorCoder::code_predicted(const TensorBlock& block, const NumberMode& mode,
                                               PlannedPrediction planned) {
    reference_.clear();
    for (const auto& window : planned.windows) {
        const auto part = old_file_.subspan(window.offset, window.length);
        reference_.insert(reference_.end(), part.begin(), part.end());
    }
    Coded coded{numbers_->encode(block.bytes, reference_, mode, planned.prediction),
                std::move(planned.windows)};
    coded.has_right = planned.prediction.predictor == Predictor::low_rank;
    return coded;
}

// Whether the old numbers as they are come near a prediction, by which the block takes `rival`.
bool TensorCoder::plain_may_win(const TensorBlock& block, const NumberMode& mode,
                                std::size_t rival) {
    constexpr std::size_t short_sample_bytes = 32u << 10;
    if (block.part->type == ElementType::f32 && rival < block.bytes.size() / 4) return false;
    const auto sample = block.sample(short_sample_bytes);
    if (sample.bytes.size() == block.bytes.size()) return true;
    // Rows differ, so both are compared in the same ones; factors of columns are sent once.
    auto planned = study_.predict(sample.begin, sample.end(), true);
    if (!planned) return true;
    NumberMode predicted = mode;
    predicted.skip = sample.skip;
    const auto plain =
        numbers_->choose_method(sample.bytes, sample.old, sample.part->type, sample.skip);
    const auto cost = numbers_->encode(sample.bytes, sample.old, plain, {}).payload.size();
    const auto rivals =
        code_predicted(sample, predicted, std::move(*planned)).numbers.payload.size();
    // What is hardly better in a sample is mostly worse in the whole.
    return cost + cost / 64 < rivals;
}

// The best one by samples, for old numbers as they are.
NumberMode TensorCoder::plain_mode(const TensorBlock& block) {
    auto mode = numbers_->choose_method(block.bytes, block.old, block.part->type, block.skip);
    if (limits_.factors) choose_columns(block, mode);
    return mode;
}

TensorCoder::Coded TensorCoder::code_plainly(const TensorBlock& block) {
    auto& mode = habit_.mode;
    mode = plain_mode(block);
    auto plain = numbers_->encode(block.bytes, block.old, mode, {});
    // Samples may call a relative useless where only their stretch was replaced, and that is dear.
    if (mode.method == number::Method::direct && !block.old.empty()) {
        NumberMode related = mode;
        related.method = number::Method::absolute;
        auto other = numbers_->encode(block.bytes, block.old, related, {});
        if (other.payload.size() < plain.payload.size()) {
            plain = std::move(other);
            mode = related;
        }
    }
    return {std::move(plain), std::nullopt};
}

// Factors of rows or columns, compared by a sample.
struct TensorCoder::RoughTrial {
    TensorBlock sample;
    std::size_t block_bytes = 0;
    std::vector<PlannedPrediction> planned;  // for the sample
    double least = 0;                        // what the whole block would take
    std::optional<std::size_t> winner;
    NumberMode winning;
};

// What wins is coded as a whole.
void TensorCoder::try_rough(const TensorBlock& block, Coded& best) {
    constexpr std::size_t rough_sample_bytes = 64u << 10;
    RoughTrial trial{block.sample(rough_sample_bytes), block.bytes.size(), {}, 0, {}, {}};
    const auto& sample = trial.sample;
    trial.planned = study_.rough_predictions(sample.begin, sample.end());
    if (trial.planned.empty()) return;
    const auto plain = sample.placed(habit_.mode);
    trial.least = scaled(numbers_->encode(sample.bytes, sample.old, plain, {}).payload.size(), 0,
                         sample.bytes.size(), block.bytes.size());
    for (std::size_t i = 0; i < trial.planned.size(); ++i) try_rough(trial, i);
    if (!trial.winner) return;
    auto whole = study_.rough_predictions(block.begin, block.end());
    if (whole.size() <= *trial.winner) return;
    const auto mode = block.placed(trial.winning);
    auto coded = code_predicted(block, mode, std::move(whole[*trial.winner]));
    if (coded.numbers.payload.size() >= best.numbers.payload.size()) return;
    best = std::move(coded);
    habit_.rough = trial.winner;
    habit_.mode = mode;
}

// With differences of both kinds; columns or rows are told apart for the better one.
void TensorCoder::try_rough(RoughTrial& trial, std::size_t candidate) {
    const auto& sample = trial.sample;
    const auto& prediction = trial.planned[candidate].prediction;
    // Factors of columns are sent whole with each block.
    const bool by_columns = prediction.predictor == Predictor::scale_columns;
    const std::size_t fixed = by_columns ? prediction.scales.size() * sizeof(float) : 0;
    NumberMode tried = habit_.mode;
    tried.columns = 0;
    tried = sample.placed(tried);
    NumberMode cheapest = tried;
    double least = std::numeric_limits<double>::infinity();
    const auto attempt = [&] {
        const auto coded = code_predicted(sample, tried, trial.planned[candidate]);
        const double cost =
            scaled(coded.numbers.payload.size(), fixed, sample.bytes.size(), trial.block_bytes);
        if (cost < least) {
            least = cost;
            cheapest = tried;
        }
        if (cost >= trial.least) return;
        trial.least = cost;
        trial.winner = candidate;
        trial.winning = tried;
    };
    for (const auto method : {number::Method::absolute, number::Method::relative}) {
        tried.method = method;
        attempt();
    }
    if (prediction.grid.columns > max_column_count) return;
    tried = cheapest;
    tried.columns = static_cast<std::uint32_t>(prediction.grid.columns);
    tried = sample.placed(tried);
    for (const bool rows : {false, true}) {
        tried.rows = rows;
        attempt();
    }
}

// Whether it helps to tell columns or rows apart: of the first axis, or of the last one.
void TensorCoder::choose_columns(const TensorBlock& block, NumberMode& mode) {
    // Short tensors are not worth long trials.
    constexpr std::size_t least_sample_bytes = 32u << 10;
    constexpr std::size_t most_sample_bytes = 64u << 10;
    const TensorPart& part = *block.part;
    const std::uint64_t one = element_size(part.type);
    const auto sample = block.sample(static_cast<std::size_t>(std::clamp<std::uint64_t>(
        (part.end - part.begin) / 32, least_sample_bytes, most_sample_bytes)));
    mode.skip = sample.skip;
    std::vector<NumberMode> candidates;
    for (const auto columns : {part.columns, part.last_columns}) {
        constexpr std::uint64_t min_rows = 4;
        if (columns < 2 || columns > max_column_count ||
            columns * min_rows * one > block.bytes.size())
            continue;
        if (!candidates.empty() && candidates.front().columns == columns) continue;
        NumberMode candidate = mode;
        candidate.columns = static_cast<std::uint32_t>(columns);
        candidate.column = static_cast<std::uint32_t>(sample.first() % columns);
        for (const bool rows : {false, true}) {
            candidate.rows = rows;
            candidate.method = mode.method;
            candidates.push_back(candidate);
            if (mode.method == number::Method::direct || block.old.empty()) continue;
            // Columns may be all that numbers of an unrelated tensor have in common.
            candidate.method = number::Method::direct;
            if (numbers_->nearly_direct()) candidates.push_back(candidate);
        }
    }
    if (!candidates.empty()) mode = numbers_->cheapest(sample.bytes, sample.old, mode, candidates);
    mode = block.placed(mode);
}

}  // namespace strandline::delta
