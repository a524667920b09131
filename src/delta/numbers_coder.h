#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "base/bytes.h"
#include "base/result.h"
#include "delta/layout/tensor.h"
#include "delta/number/number_coder.h"
#include "delta/prediction.h"

namespace strandline::delta {

/// How a block is read as numbers.
struct NumberMode {
    ElementType type = ElementType::f32;
    number::Method method = number::Method::absolute;
    std::uint8_t skip = 0;   ///< bytes before the first number, less than one
    std::uint8_t model = 0;  ///< which of the models codes it
    bool fresh = false;      ///< the model starts anew

    friend bool operator==(const NumberMode&, const NumberMode&) = default;
};

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

    PredictionState prediction;

private:
    std::unique_ptr<std::array<number::NumberModel, count + 1>> models_;
};

/// Payload of coder `numbers`, appended to `out`: mode, loose bytes, prediction, numbers. `old` is
/// as long as `block`, or empty. The models learn. A method `sparse` for which too much changed
/// becomes `absolute`.
void encode_numbers_block(ByteSpan block, ByteSpan old, const NumberMode& mode,
                          const Prediction& prediction, number::NumberModel& model,
                          number::NumberModel& gap_model, number::SymbolWriter& writer, Bytes& out);

/// Whether a payload that was made by encode_numbers_block() has a prediction.
[[nodiscard]] bool is_predicted(ByteSpan payload);

/// Fills `block` from such a payload, or fails with `corrupt`.
/// `scratch` is as long as `block`.
[[nodiscard]] Status decode_numbers_block(ByteSpan payload, ByteSpan old, NumberModels& models,
                                          std::span<std::byte> block, std::span<std::byte> scratch);

}  // namespace strandline::delta
