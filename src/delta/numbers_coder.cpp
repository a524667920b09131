#include "delta/numbers_coder.h"

#include <algorithm>

#include "delta/varint.h"

namespace strandline::delta {
namespace {

constexpr unsigned model_shift = 4;
constexpr unsigned fresh_bit = 0x40;
constexpr unsigned prediction_bit = 0x80;
constexpr unsigned skip_shift = 4;

Error malformed(const char* what) {
    return fail(Errc::corrupt, std::string("delta has a malformed block of numbers: ") + what);
}

// Loose bytes before the numbers, the numbers, loose bytes behind; in bytes.
struct Extent {
    std::size_t skip = 0;
    std::size_t numbers = 0;
    std::size_t tail = 0;
};

Extent extent_of(std::size_t size, const NumberMode& mode) {
    const std::size_t skip = std::min<std::size_t>(mode.skip, size);
    const std::size_t one = number::number_bytes(mode.type);
    const std::size_t numbers = (size - skip) / one * one;
    return {skip, numbers, size - skip - numbers};
}

Result<NumberMode> read_mode(FieldReader& in, bool& predicted) {
    const unsigned kind = in.byte();
    const unsigned how = in.byte();
    NumberMode mode;
    mode.type = static_cast<ElementType>(kind & 15);
    mode.model = static_cast<std::uint8_t>(kind >> model_shift & 3);
    mode.fresh = (kind & fresh_bit) != 0;
    mode.method = static_cast<number::Method>(how & 15);
    mode.skip = static_cast<std::uint8_t>(how >> skip_shift);
    predicted = (kind & prediction_bit) != 0;
    if (!in.ok() || mode.type >= ElementType::opaque ||
        mode.method > number::Method::direct) {
        return malformed("unknown mode");
    }
    if (mode.skip >= number::number_bytes(mode.type)) return malformed("skip is too long");
    return mode;
}

}  // namespace

void encode_numbers_block(ByteSpan block, ByteSpan old, const NumberMode& mode,
                          const Prediction& prediction, number::NumberModel& model,
                          number::SymbolWriter& writer, Bytes& out) {
    const bool predicted = prediction.predictor != Predictor::none;
    const Extent extent = extent_of(block.size(), mode);
    out.push_back(static_cast<std::byte>(static_cast<unsigned>(mode.type) |
                                         unsigned{mode.model} << model_shift |
                                         (mode.fresh ? fresh_bit : 0) |
                                         (predicted ? prediction_bit : 0)));
    out.push_back(static_cast<std::byte>(static_cast<unsigned>(mode.method) |
                                         unsigned{mode.skip} << skip_shift));
    const auto head = block.first(extent.skip);
    const auto tail = block.last(extent.tail);
    out.insert(out.end(), head.begin(), head.end());
    out.insert(out.end(), tail.begin(), tail.end());
    if (mode.fresh) model.reset();
    if (!old.empty()) old = old.subspan(extent.skip, extent.numbers);
    Bytes changed;
    if (predicted) {
        append_prediction(prediction, writer, out);
        changed.assign(old.begin(), old.end());
        apply_prediction(prediction, mode.type, changed);
        old = changed;
    }
    number::encode_numbers(mode.type, mode.method, block.subspan(extent.skip, extent.numbers), old,
                           model, writer, out);
}

Status decode_numbers_block(ByteSpan payload, std::span<std::byte> old, NumberModels& models,
                            std::span<std::byte> block) {
    FieldReader in(payload);
    bool predicted = false;
    TRY(const NumberMode mode, read_mode(in, predicted));
    if (!old.empty() && old.size() != block.size()) return malformed("old bytes do not fit");
    const Extent extent = extent_of(block.size(), mode);
    const auto head = in.take(extent.skip);
    const auto tail = in.take(extent.tail);
    if (!in.ok()) return malformed("it ends early");
    std::ranges::copy(head, block.begin());
    std::ranges::copy(tail, block.last(extent.tail).begin());
    auto& model = models[mode.model];
    if (mode.fresh) model.reset();
    if (!old.empty()) old = old.subspan(extent.skip, extent.numbers);
    if (predicted) {
        if (old.empty() && extent.numbers > 0) return malformed("nothing to predict from");
        TRY(models.prediction.read_and_apply(in, mode.type, old));
    }
    return number::decode_numbers(mode.type, mode.method, in.rest(), old, model,
                                  block.subspan(extent.skip, extent.numbers));
}

}  // namespace strandline::delta
