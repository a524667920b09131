#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "delta/format/varint.h"
#include "delta/number/fold.h"
#include "delta/number/number_coder.h"
#include "delta/number/predict.h"

namespace strandline::delta {

/// How old numbers are changed before the new ones are compared with them. Numbers are part of the
/// format.
enum class Predictor : std::uint8_t {
    none = 0,
    scale = 1,          ///< each row by a factor of its own
    low_rank = 2,       ///< a thin product is added
    rescale = 3,        ///< signed bytes: each row by a ratio of its own, to be rounded
    folded = 4,         ///< batch normalisation is folded into weights or biases
    scale_columns = 5,  ///< each column by a factor of its own
};

/// The old bytes of a block: as many as it has, around whose numbers are `skip` loose bytes in
/// front and some behind; then what a predictor needs beside them.
struct Reference {
    ByteSpan bytes;
    std::size_t skip = 0;
    std::size_t block_bytes = 0;

    [[nodiscard]] ByteSpan numbers(std::size_t size) const { return bytes.subspan(skip, size); }
    [[nodiscard]] ByteSpan beside() const { return bytes.subspan(block_bytes); }
};

/// A predictor and what it needs; one block's share of it.
struct Prediction {
    Predictor predictor = Predictor::none;
    number::Grid grid;
    std::vector<float> scales;         ///< one for each row, or column
    std::vector<std::int16_t> ratios;  ///< one for each row
    unsigned rank = 0;
    int shift = 0;
    std::span<const std::int32_t> left;  ///< rank for each row; borrowed
    std::span<const std::int32_t> right;
    bool send_right = true;  ///< the right side is not that of the block before
    number::NormFold fold;
};

/// Factors that are held at a time: rows of a block and all columns.
inline constexpr std::size_t max_factor_count = std::size_t{64} << 10;

/// Right factors stay for the blocks that follow in a segment.
class PredictionState {
public:
    /// `factors`: the header declares memory for them.
    explicit PredictionState(bool factors = true) : factors_(factors) {}
    void reset() { right_rank_ = 0; }
    [[nodiscard]] bool allowed() const { return factors_; }

    /// Reads a prediction and fills `numbers` by it, or fails with `corrupt`. `rescale`
    /// changes nothing: its ratios are for number::decode_rescaled().
    [[nodiscard]] Status read_and_apply(FieldReader& in, ElementType type,
                                        const Reference& reference, std::span<std::byte> numbers);

    /// What read_and_apply() read last.
    [[nodiscard]] Predictor predictor() const { return predictor_; }
    [[nodiscard]] const number::Grid& grid() const { return grid_; }
    [[nodiscard]] std::span<const std::int16_t> ratios() const { return ratios_; }

private:
    Status read_ratios(FieldReader& in, std::size_t rows);
    Status read_factors(FieldReader& in, std::vector<std::int32_t>& out, std::size_t count);
    Status apply_scale(FieldReader& in, ElementType type, const number::Grid& grid,
                       std::span<std::byte> numbers);
    static Status apply_fold(FieldReader& in, ElementType type, const number::Grid& grid,
                             ByteSpan arrays, std::span<std::byte> numbers);
    Status apply_low_rank(FieldReader& in, ElementType type, const number::Grid& grid,
                          std::span<std::byte> numbers);

    bool factors_;
    Predictor predictor_ = Predictor::none;
    number::Grid grid_;
    std::vector<std::int16_t> ratios_;
    std::unique_ptr<number::NumberModel> model_;
    std::vector<std::int32_t> left_;
    std::vector<std::int32_t> right_;
    std::uint64_t right_columns_ = 0;
    unsigned right_rank_ = 0;  // 0: there is none
};

/// Appends a prediction (not `none`) as read_and_apply() reads it.
void append_prediction(const Prediction& prediction, number::SymbolWriter& writer, Bytes& out);

/// Fills `numbers` as the reader will.
void apply_prediction(const Prediction& prediction, ElementType type, const Reference& reference,
                      std::span<std::byte> numbers);

}  // namespace strandline::delta
