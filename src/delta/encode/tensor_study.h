#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "delta/coder/prediction.h"
#include "delta/encode/low_rank_finder.h"
#include "delta/encode/row_scales.h"
#include "delta/encode/tensor_plan.h"
#include "delta/format/record.h"

namespace strandline::delta {

/// A prediction for one block, and the old bytes that it is made of.
struct PlannedPrediction {
    Prediction prediction;  ///< borrows from the study
    std::vector<OldRange> windows;
};

/// Finds out what was done to a whole tensor, and gives each of its blocks its share of that.
class TensorStudy {
public:
    /// Both are borrowed. A prediction needs no more than `reference_bytes` of the old file.
    /// `stopped` ends long work.
    TensorStudy(ByteSpan old_file, ByteSpan new_file, std::uint32_t reference_bytes,
                std::function<bool()> stopped)
        : old_file_(old_file),
          new_file_(new_file),
          reference_bytes_(reference_bytes),
          stopped_(std::move(stopped)) {}

    /// Looks at this part, unless it is the one of last time; it is borrowed until the next one.
    /// Returns whether it was another one.
    bool look_at(const TensorPart& part);

    /// A bit for each kind of prediction that the part has shown.
    [[nodiscard]] std::uint8_t seen() const;

    /// For the new bytes [begin, end) of the part; `right_sent` as in Prediction.
    [[nodiscard]] std::optional<PlannedPrediction> predict(std::uint64_t begin, std::uint64_t end,
                                                           bool right_sent) const;
    /// Those that may help a little, in the place of predict().
    [[nodiscard]] std::vector<PlannedPrediction> rough_predictions(std::uint64_t begin,
                                                                   std::uint64_t end) const;

private:
    struct RowRange;
    [[nodiscard]] RowRange rows_of(std::uint64_t begin, std::uint64_t end,
                                   std::uint64_t columns) const;
    [[nodiscard]] std::optional<Prediction> scales_of(const RowRange& rows) const;
    [[nodiscard]] std::optional<Prediction> low_rank_of(const RowRange& rows,
                                                        bool right_sent) const;
    [[nodiscard]] std::optional<PlannedPrediction> folded_of(std::uint64_t begin,
                                                             std::uint64_t end) const;

    ByteSpan old_file_;
    ByteSpan new_file_;
    std::uint32_t reference_bytes_;
    std::function<bool()> stopped_;
    const TensorPart* part_ = nullptr;  // the one that these are of
    std::optional<Factors> factors_;
    std::optional<std::vector<float>> scales_;
    std::optional<std::vector<std::int16_t>> ratios_;
    RoughScales rough_;
};

}  // namespace strandline::delta
