#include "delta/coder/numbers_coder.h"

#include <algorithm>

#include "delta/coder/numbers_payload.h"
#include "delta/coder/sparse_numbers.h"
#include "delta/format/varint.h"
#include "delta/number/rescaled_coder.h"

namespace strandline::delta {
namespace {

Error malformed(const char* what) {
    return fail(Errc::corrupt, std::string("delta has a malformed block of numbers: ") + what);
}

Result<NumberMode> read_mode(FieldReader& in, bool& predicted, bool& by_column) {
    const unsigned kind = in.byte();
    const unsigned how = in.byte();
    NumberMode mode;
    mode.type = static_cast<ElementType>(kind & 15);
    mode.model = static_cast<std::uint8_t>(kind >> model_shift & 3);
    mode.fresh = (kind & fresh_bit) != 0;
    mode.method = static_cast<number::Method>(how & 7);
    mode.skip = static_cast<std::uint8_t>(how >> skip_shift);
    predicted = (kind & prediction_bit) != 0;
    by_column = (how & columns_bit) != 0;
    if (!in.ok() || mode.type >= ElementType::opaque || mode.method > number::Method::exact) {
        return malformed("unknown mode");
    }
    if (mode.skip >= element_size(mode.type)) return malformed("skip is too long");
    return mode;
}

Result<number::ColumnMemory> read_columns(FieldReader& in, ElementType type, NumberModels& models) {
    const std::uint64_t shape = in.varint();
    const std::uint64_t column = in.varint();
    const std::uint64_t count = shape >> 1;
    if (!in.ok() || column >= count || count > max_column_count || !number::can_predict(type))
        return malformed("impossible columns");
    if (!models.prediction.allowed()) return malformed("columns are not declared");
    return number::ColumnMemory{models.fresh_columns(static_cast<std::size_t>(count)),
                                static_cast<std::size_t>(column), (shape & 1) != 0};
}

// `numbers` are to be filled, and `changed` with what is expected of them.
Status decode_predicted(FieldReader& in, const NumberMode& mode,
                        const number::ColumnMemory& columns, NumberModels& models,
                        std::span<std::byte> changed, std::span<std::byte> numbers) {
    const PredictionState& prediction = models.prediction;
    if (mode.method == number::Method::exact) {
        if (in.left() > 0 || prediction.predictor() == Predictor::rescale)
            return malformed("unknown mode");
        std::ranges::copy(changed, numbers.begin());
        return {};
    }
    auto& model = models[mode.model];
    if (prediction.predictor() == Predictor::rescale) {
        if (!columns.offsets.empty()) return malformed("unknown mode");
        return number::decode_rescaled({prediction.grid(), prediction.ratios()}, in.rest(), changed,
                                       model, numbers);
    }
    return number::decode_numbers({mode.type, mode.method, columns}, in.rest(), changed, model,
                                  numbers);
}

}  // namespace

bool is_predicted(ByteSpan payload) {
    return (static_cast<unsigned>(payload[0]) & prediction_bit) != 0;
}

bool needs_factors(ByteSpan payload) {
    return is_predicted(payload) || (static_cast<unsigned>(payload[1]) & columns_bit) != 0;
}

Result<NumbersKind> kind_of_numbers(ByteSpan payload, std::uint64_t block_bytes) {
    FieldReader in(payload);
    bool predicted = false;
    bool by_column = false;
    TRY(const NumberMode mode, read_mode(in, predicted, by_column));
    const Extent extent = extent_of(static_cast<std::size_t>(block_bytes), mode);
    static_cast<void>(in.take(extent.skip + extent.tail));
    for (int field = 0; by_column && field < 2; ++field) static_cast<void>(in.varint());
    NumbersKind kind{mode.method, Predictor::none};
    if (predicted) kind.predictor = static_cast<Predictor>(in.byte());
    if (!in.ok()) return malformed("it ends early");
    return kind;
}

Status decode_numbers_block(ByteSpan payload, ByteSpan old, NumberModels& models,
                            std::span<std::byte> block, std::span<std::byte> scratch) {
    FieldReader in(payload);
    bool predicted = false;
    bool by_column = false;
    TRY(const NumberMode mode, read_mode(in, predicted, by_column));
    if (!predicted && !old.empty() && old.size() != block.size())
        return malformed("old bytes do not fit");
    const Extent extent = extent_of(block.size(), mode);
    const auto head = in.take(extent.skip);
    const auto tail = in.take(extent.tail);
    if (!in.ok()) return malformed("it ends early");
    std::ranges::copy(head, block.begin());
    std::ranges::copy(tail, block.last(extent.tail).begin());
    auto& model = models[mode.model];
    if (mode.fresh) model.reset();
    const auto numbers = block.subspan(extent.skip, extent.numbers);
    if (by_column && mode.method > number::Method::direct) return malformed("unknown mode");
    number::ColumnMemory columns;
    if (by_column) {
        TRY(columns, read_columns(in, mode.type, models));
    }
    if (predicted) {
        if (mode.method == number::Method::sparse) return malformed("unknown mode");
        const auto changed = scratch.first(numbers.size());
        TRY(models.prediction.read_and_apply(in, mode.type, {old, extent.skip, block.size()},
                                             changed));
        return decode_predicted(in, mode, columns, models, changed, numbers);
    }
    if (!old.empty()) old = old.subspan(extent.skip, extent.numbers);
    if (mode.method == number::Method::exact) {
        if (old.size() != numbers.size() || in.left() > 0) return malformed("unknown mode");
        std::ranges::copy(old, numbers.begin());
        return {};
    }
    if (mode.method == number::Method::sparse) {
        return decode_sparse_numbers(mode.type, in.rest(), old, {model, models.gaps()}, numbers,
                                     scratch);
    }
    return number::decode_numbers({mode.type, mode.method, columns}, in.rest(), old, model,
                                  numbers);
}

}  // namespace strandline::delta
