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

    NumberModels() : models_(std::make_unique<std::array<number::NumberModel, count>>()) {}
    [[nodiscard]] number::NumberModel& operator[](std::size_t i) { return (*models_)[i]; }
    void reset() {
        for (auto& model : *models_) model.reset();
        prediction.reset();
    }

    PredictionState prediction;

private:
    std::unique_ptr<std::array<number::NumberModel, count>> models_;
};

/// Payload of coder `numbers`, appended to `out`: mode, loose bytes, prediction, numbers. `old` is
/// as long as `block`, or empty. The model learns.
void encode_numbers_block(ByteSpan block, ByteSpan old, const NumberMode& mode,
                          const Prediction& prediction, number::NumberModel& model,
                          number::SymbolWriter& writer, Bytes& out);

/// Fills `block` from such a payload, or fails with `corrupt`. Predictions change `old`.
[[nodiscard]] Status decode_numbers_block(ByteSpan payload, std::span<std::byte> old,
                                          NumberModels& models, std::span<std::byte> block);

}  // namespace strandline::delta
