#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "delta/coder/prediction.h"
#include "delta/layout/tensor.h"
#include "delta/number/number_coder.h"

namespace strandline::delta {

/// How a block is read as numbers.
struct NumberMode {
    ElementType type = ElementType::f32;
    number::Method method = number::Method::absolute;
    std::uint8_t skip = 0;   ///< bytes before the first number, less than one
    std::uint8_t model = 0;  ///< which of the models codes it
    bool fresh = false;      ///< the model starts anew
    /// Columns that are told apart, and that of the first number; none: 0.
    std::uint32_t columns = 0;
    std::uint32_t column = 0;
    bool rows = false;  ///< rows are told apart instead

    friend bool operator==(const NumberMode&, const NumberMode&) = default;
};

/// Columns that are told apart at most.
inline constexpr std::uint32_t max_column_count = 16u << 10;

/// The models of a segment; each kind of number has its own while there are enough.
class NumberModels {
public:
    static constexpr std::size_t count = 4;

    /// Of the gaps between numbers that changed.
    [[nodiscard]] number::NumberModel& gaps() { return (*models_)[count]; }

    /// `factors`: predictions that need them may come.
    explicit NumberModels(bool factors = true)
        : prediction(factors),
          models_(std::make_unique<std::array<number::NumberModel, count + 1>>()) {}
    [[nodiscard]] number::NumberModel& operator[](std::size_t i) { return (*models_)[i]; }
    [[nodiscard]] const number::NumberModel& operator[](std::size_t i) const {
        return (*models_)[i];
    }
    [[nodiscard]] const number::NumberModel& gaps() const { return (*models_)[count]; }
    void reset() {
        for (auto& model : *models_) model.reset();
        prediction.reset();
    }

    /// Columns of a block, all zero; at most max_column_count of them.
    [[nodiscard]] std::span<std::int16_t> fresh_columns(std::size_t columns) {
        columns_.assign(columns, 0);
        return columns_;
    }

    PredictionState prediction;

private:
    std::vector<std::int16_t> columns_;
    std::unique_ptr<std::array<number::NumberModel, count + 1>> models_;
};

/// What coding of a block teaches, and where its symbols are collected.
struct NumberLearning {
    number::NumberModel& model;
    number::NumberModel& gaps;
    number::SymbolWriter& writer;
};

/// Payload of coder `numbers`, appended to `out`: mode, loose bytes, prediction, numbers. `old` is
/// as long as `block`, or empty, or what the prediction wants. A method `sparse` for which too much
/// changed becomes `absolute`.
void encode_numbers_block(ByteSpan block, ByteSpan old, const NumberMode& mode,
                          const Prediction& prediction, const NumberLearning& learning, Bytes& out);

/// Whether a payload that was made by encode_numbers_block() has a prediction.
[[nodiscard]] bool is_predicted(ByteSpan payload);

/// Whether a reader of such a payload needs memory for predictions or columns.
[[nodiscard]] bool needs_factors(ByteSpan payload);

/// What the head of such a payload says; its numbers need not be there.
struct NumbersKind {
    number::Method method = number::Method::absolute;
    Predictor predictor = Predictor::none;
};
/// `corrupt` when the head of a payload for `block_bytes` ends early.
[[nodiscard]] Result<NumbersKind> kind_of_numbers(ByteSpan payload, std::uint64_t block_bytes);

/// Fills `block` from such a payload, or fails with `corrupt`.
/// `scratch` is as long as `block`.
[[nodiscard]] Status decode_numbers_block(ByteSpan payload, ByteSpan old, NumberModels& models,
                                          std::span<std::byte> block, std::span<std::byte> scratch);

}  // namespace strandline::delta
