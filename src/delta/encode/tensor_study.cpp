#include "delta/encode/tensor_study.h"

#include <algorithm>

namespace strandline::delta {

// The rows that a block touches: its numbers start in the first one at column grid.phase.
struct TensorStudy::RowRange {
    number::Grid grid;
    std::uint64_t first = 0;
    std::uint64_t count = 0;
};

bool TensorStudy::look_at(const TensorPart& part) {
    if (part_ == &part) return false;
    part_ = &part;
    factors_.reset();
    scales_.reset();
    ratios_.reset();
    rough_ = {};
    if (part.columns == 0 || !part.old_begin || part.folded) return true;
    const std::uint64_t row_bytes = part.columns * element_size(part.type);
    const std::uint64_t length = (part.end - part.begin) / row_bytes * row_bytes;
    const auto now = new_file_.subspan(part.begin, length);
    const auto old = old_file_.subspan(*part.old_begin, length);
    if (part.type == ElementType::i8) {
        ratios_ = find_row_ratios(now, old, part.columns, stopped_);
        return true;
    }
    scales_ = find_row_scales(part.type, now, old, part.columns);
    if (!scales_) factors_ = find_low_rank(part.type, now, old, part.columns, stopped_);
    if (!scales_ && !factors_) rough_ = find_rough_scales(part.type, now, old, part.columns);
    return true;
}

std::uint8_t TensorStudy::seen() const {
    return static_cast<std::uint8_t>((scales_ ? 1 : 0) | (factors_ ? 2 : 0) | (ratios_ ? 4 : 0) |
                                     (rough_.rows.empty() ? 0 : 8) |
                                     (rough_.columns.empty() ? 0 : 16));
}

std::optional<PlannedPrediction> TensorStudy::predict(std::uint64_t begin, std::uint64_t end,
                                                      bool right_sent) const {
    const TensorPart& part = *part_;
    const std::uint64_t one = element_size(part.type);
    if (!part.old_begin || (begin - part.begin) % one != 0) return std::nullopt;
    if (part.folded) return folded_of(begin, end);
    if (part.columns == 0) return std::nullopt;
    const RowRange rows = rows_of(begin, end, part.columns);
    auto prediction = scales_of(rows);
    if (!prediction) prediction = low_rank_of(rows, right_sent);
    if (!prediction) return std::nullopt;
    return PlannedPrediction{std::move(*prediction),
                             {{*part.old_begin + (begin - part.begin), end - begin}}};
}

std::vector<PlannedPrediction> TensorStudy::rough_predictions(std::uint64_t begin,
                                                              std::uint64_t end) const {
    std::vector<PlannedPrediction> all;
    if (rough_.rows.empty() && rough_.columns.empty()) return all;
    if ((begin - part_->begin) % element_size(part_->type) != 0) return all;
    const RowRange rows = rows_of(begin, end, part_->columns);
    const std::vector<OldRange> windows{{*part_->old_begin + (begin - part_->begin), end - begin}};
    if (!rough_.rows.empty()) {
        Prediction prediction;
        prediction.predictor = Predictor::scale;
        prediction.grid = rows.grid;
        for (std::uint64_t row = rows.first; row < rows.first + rows.count; ++row)
            prediction.scales.push_back(row < rough_.rows.size() ? rough_.rows[row] : 1.0F);
        all.push_back({std::move(prediction), windows});
    }
    if (!rough_.columns.empty()) {
        Prediction prediction;
        prediction.predictor = Predictor::scale_columns;
        prediction.grid = rows.grid;
        prediction.scales = rough_.columns;
        all.push_back({std::move(prediction), windows});
    }
    return all;
}

TensorStudy::RowRange TensorStudy::rows_of(std::uint64_t begin, std::uint64_t end,
                                           std::uint64_t columns) const {
    const std::uint64_t one = element_size(part_->type);
    const std::uint64_t number = (begin - part_->begin) / one;
    RowRange range{{columns, number % columns}, number / columns, 0};
    range.count = range.grid.rows((end - begin) / one);
    return range;
}

// This block's share of the scales of its tensor; numbers behind the last row stay as they are.
std::optional<Prediction> TensorStudy::scales_of(const RowRange& rows) const {
    if ((!scales_ && !ratios_) || rows.count > max_factor_count) return std::nullopt;
    Prediction prediction;
    prediction.predictor = scales_ ? Predictor::scale : Predictor::rescale;
    prediction.grid = rows.grid;
    for (std::uint64_t row = rows.first; row < rows.first + rows.count; ++row) {
        if (scales_) prediction.scales.push_back(row < scales_->size() ? (*scales_)[row] : 1.0F);
        if (ratios_)
            prediction.ratios.push_back(row < ratios_->size() ? (*ratios_)[row] : std::int16_t{0});
    }
    return prediction;
}

std::optional<Prediction> TensorStudy::low_rank_of(const RowRange& rows, bool right_sent) const {
    if (!factors_) return std::nullopt;
    Prediction prediction;
    prediction.predictor = Predictor::low_rank;
    prediction.grid = rows.grid;
    prediction.rank = factors_->rank;
    prediction.shift = factors_->shift;
    prediction.right = factors_->right;
    prediction.send_right = !right_sent;
    const auto left = std::span<const std::int32_t>(factors_->left);
    if ((rows.first + rows.count) * factors_->rank > left.size() ||
        (rows.count + rows.grid.columns) * factors_->rank > max_factor_count)
        return std::nullopt;
    prediction.left = left.subspan(rows.first * factors_->rank, rows.count * factors_->rank);
    return prediction;
}

// Of the channels, those that the block touches, where its rows do not take turns in all.
std::optional<PlannedPrediction> TensorStudy::folded_of(std::uint64_t begin,
                                                        std::uint64_t end) const {
    const FoldedPart& folded = *part_->folded;
    const RowRange rows = rows_of(begin, end, folded.columns);
    PlannedPrediction planned;
    Prediction& prediction = planned.prediction;
    prediction.predictor = Predictor::folded;
    prediction.grid = rows.grid;
    prediction.fold = folded.fold;
    auto& fold = prediction.fold;
    fold.first = rows.first % fold.channels;
    std::uint64_t skipped = 0;
    if (fold.first + rows.count <= fold.channels) {
        skipped = fold.first;
        fold.channels = rows.count;
        fold.first = 0;
    }
    if (end - begin + fold.array_bytes() > reference_bytes_) return std::nullopt;
    planned.windows.push_back({*part_->old_begin + (begin - part_->begin), end - begin});
    for (std::uint64_t i = 0; i < fold.arrays(); ++i) {
        planned.windows.push_back(
            {folded.arrays[i] + skipped * sizeof(float), fold.channels * sizeof(float)});
    }
    return planned;
}

}  // namespace strandline::delta
