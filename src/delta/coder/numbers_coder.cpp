#include "delta/coder/numbers_coder.h"

#include <algorithm>

#include "delta/coder/sparse_numbers.h"
#include "delta/format/varint.h"
#include "delta/number/rescaled_coder.h"

namespace strandline::delta {
namespace {

constexpr unsigned model_shift = 4;
constexpr unsigned fresh_bit = 0x40;
constexpr unsigned prediction_bit = 0x80;
constexpr unsigned skip_shift = 4;
constexpr unsigned columns_bit = 8;

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
    const std::size_t one = element_size(mode.type);
    const std::size_t numbers = (size - skip) / one * one;
    return {skip, numbers, size - skip - numbers};
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

Status decode_predicted(FieldReader& in, const NumberMode& mode, const Reference& reference,
                        const number::ColumnMemory& columns, NumberModels& models,
                        std::span<std::byte> numbers, std::span<std::byte> scratch) {
    if (mode.method == number::Method::sparse) return malformed("unknown mode");
    PredictionState& prediction = models.prediction;
    const auto changed = scratch.first(numbers.size());
    TRY(prediction.read_and_apply(in, mode.type, reference, changed));
    if (mode.method == number::Method::exact) {
        if (in.left() > 0 || prediction.predictor() == Predictor::rescale)
            return malformed("unknown mode");
        std::ranges::copy(changed, numbers.begin());
        return {};
    }
    auto& model = models[mode.model];
    if (prediction.predictor() == Predictor::rescale) {
        if (!columns.offsets.empty()) return malformed("unknown mode");
        return number::decode_rescaled(in.rest(), changed, prediction.grid(), prediction.ratios(),
                                       model, numbers);
    }
    return number::decode_numbers(mode.type, mode.method, in.rest(), changed, model, numbers,
                                  columns);
}

}  // namespace

void encode_numbers_block(ByteSpan block, ByteSpan old, const NumberMode& mode,
                          const Prediction& prediction, number::NumberModel& model,
                          number::NumberModel& gap_model, number::SymbolWriter& writer,
                          Bytes& out) {
    const bool predicted = prediction.predictor != Predictor::none;
    const Extent extent = extent_of(block.size(), mode);
    out.push_back(static_cast<std::byte>(
        static_cast<unsigned>(mode.type) | unsigned{mode.model} << model_shift |
        (mode.fresh ? fresh_bit : 0) | (predicted ? prediction_bit : 0)));
    const std::size_t method_at = out.size();
    const bool by_column = mode.columns != 0 && prediction.predictor != Predictor::rescale;
    out.push_back(static_cast<std::byte>(static_cast<unsigned>(mode.method) |
                                         (by_column ? columns_bit : 0) |
                                         unsigned{mode.skip} << skip_shift));
    const auto head = block.first(extent.skip);
    const auto tail = block.last(extent.tail);
    out.insert(out.end(), head.begin(), head.end());
    out.insert(out.end(), tail.begin(), tail.end());
    if (mode.fresh) model.reset();
    const Reference reference{old, extent.skip, block.size()};
    if (!old.empty()) old = old.subspan(extent.skip, extent.numbers);
    const auto numbers = block.subspan(extent.skip, extent.numbers);
    number::Method method = mode.method;
    const auto set_method = [&](number::Method now) {
        method = now;
        out[method_at] =
            static_cast<std::byte>(static_cast<unsigned>(now) | unsigned{mode.skip} << skip_shift);
    };
    if (!predicted && !old.empty() && std::ranges::equal(old, numbers))
        return set_method(number::Method::exact);
    if (method == number::Method::sparse) {
        if (encode_sparse_numbers(mode.type, numbers, old, gap_model, model, writer, out)) return;
        set_method(number::Method::absolute);
    }
    std::vector<std::int16_t> columns;
    if (by_column) {
        append_varint(out, std::uint64_t{mode.columns} << 1 | (mode.rows ? 1 : 0));
        append_varint(out, mode.column);
        columns.resize(mode.columns);
    }
    Bytes changed;
    if (prediction.predictor == Predictor::rescale) {
        append_prediction(prediction, writer, out);
        number::encode_rescaled(numbers, old, prediction.grid, prediction.ratios, model, writer,
                                out);
        return;
    }
    if (predicted) {
        append_prediction(prediction, writer, out);
        changed.resize(numbers.size());
        apply_prediction(prediction, mode.type, reference, changed);
        if (!by_column && std::ranges::equal(changed, numbers))
            return set_method(number::Method::exact);
        old = changed;
    }
    number::encode_numbers(mode.type, method, numbers, old, model, writer, out,
                           {columns, mode.column, mode.rows});
}

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
    if (predicted)
        return decode_predicted(in, mode, {old, extent.skip, block.size()}, columns, models,
                                numbers, scratch);
    if (!old.empty()) old = old.subspan(extent.skip, extent.numbers);
    if (mode.method == number::Method::exact) {
        if (old.size() != numbers.size() || in.left() > 0) return malformed("unknown mode");
        std::ranges::copy(old, numbers.begin());
        return {};
    }
    if (mode.method == number::Method::sparse) {
        return decode_sparse_numbers(mode.type, in.rest(), old, models.gaps(), model, numbers,
                                     scratch);
    }
    return number::decode_numbers(mode.type, mode.method, in.rest(), old, model, numbers, columns);
}

}  // namespace strandline::delta
