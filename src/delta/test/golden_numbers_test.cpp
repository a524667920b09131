#include <array>
#include <bit>

#include "delta/coder/numbers_coder.h"
#include "delta/number/number_method.h"
#include "delta/test/golden_records.h"

namespace strandline::delta {
namespace {

using number::Method;

struct NumberType {
    ElementType type;
    std::size_t bytes;
    unsigned fraction_bits;  // 0: integers
    unsigned exponent_bits;
};

constexpr std::array<NumberType, 9> all_types{{{ElementType::f64, 8, 52, 11},
                                               {ElementType::f32, 4, 23, 8},
                                               {ElementType::f16, 2, 10, 5},
                                               {ElementType::bf16, 2, 7, 8},
                                               {ElementType::i64, 8, 0, 0},
                                               {ElementType::i32, 4, 0, 0},
                                               {ElementType::i16, 2, 0, 0},
                                               {ElementType::i8, 1, 0, 0},
                                               {ElementType::u8, 1, 0, 0}}};
constexpr std::size_t many = 520;  // enough for eight states
constexpr std::size_t few = 130;
constexpr std::size_t columns = 24;
constexpr std::size_t channels = 10;

const NumberType& type_of(ElementType type) { return all_types[static_cast<std::size_t>(type)]; }

// Floats of usual exponents, or integers of few bits.
std::uint64_t word_of(const NumberType& type, Random& random) {
    if (type.fraction_bits == 0) return random.below(100) - 50;
    const std::uint64_t bias = (std::uint64_t{1} << (type.exponent_bits - 1)) - 1;
    const std::uint64_t sign = random.below(2) << (8 * type.bytes - 1);
    const std::uint64_t fraction = random.below(std::uint64_t{1} << type.fraction_bits);
    return sign | (bias - random.below(6)) << type.fraction_bits | fraction;
}

void append_word(Bytes& out, const NumberType& type, std::uint64_t word) {
    for (std::size_t i = 0; i < type.bytes; ++i)
        out.push_back(static_cast<std::byte>(word >> (8 * i)));
}

std::uint64_t word_at(ByteSpan bytes, const NumberType& type, std::size_t i) {
    std::uint64_t word = 0;
    for (std::size_t k = 0; k < type.bytes; ++k)
        word |= std::uint64_t{static_cast<std::uint8_t>(bytes[i * type.bytes + k])} << (8 * k);
    return word;
}

Bytes words(const NumberType& type, std::size_t count, std::uint64_t seed) {
    SeededRandom random(seed);
    Bytes out;
    for (std::size_t i = 0; i < count; ++i) append_word(out, type, word_of(type, random));
    return out;
}

// Moved a little or much, the same, zero or unrelated.
Bytes changed(const NumberType& type, ByteSpan old, std::uint64_t seed, std::size_t every = 1) {
    SeededRandom random(seed);
    Bytes out;
    for (std::size_t i = 0; i < old.size() / type.bytes; ++i) {
        const std::uint64_t word = word_at(old, type, i);
        const std::uint64_t what = random.below(16 * every);
        const std::uint64_t far = std::uint64_t{1}
                                  << (1 + random.below(4 + type.fraction_bits / 2));
        append_word(out, type,
                    what >= 16 || what == 0 ? word
                    : what == 1             ? 0
                    : what == 2             ? word_of(type, random)
                                            : word + random.below(2 * far) - far);
    }
    return out;
}

// The old file: numbers of each type, then arrays of a normalisation.
class NumberWriter {
public:
    NumberWriter() : records_(old_numbers()) {}

    [[nodiscard]] static OldRange range_of(const NumberType& type, std::size_t count) {
        std::uint64_t offset = 0;
        for (const auto& each : all_types) {
            if (each.type == type.type) break;
            offset += many * each.bytes;
        }
        return {offset, count * type.bytes};
    }
    // Four arrays, one after the other.
    [[nodiscard]] OldRange norms() const {
        const std::uint64_t size = 4 * channels * sizeof(float);
        return {records_.old_file().size() - size, size};
    }
    [[nodiscard]] ByteSpan old_bytes(const OldRange& range) const {
        return records_.old_bytes(range);
    }
    [[nodiscard]] RecordWriter& records() { return records_; }

    // A block of numbers, by those of the windows, with loose bytes around them.
    void block(ByteSpan numbers, const std::vector<OldRange>& windows, NumberMode mode,
               const Prediction& prediction = {}) {
        mode.model = static_cast<std::uint8_t>(blocks_ % NumberModels::count);
        mode.fresh = blocks_ % 7 == 6;
        ++blocks_;
        Bytes old;
        for (const auto& window : windows) {
            const auto part = records_.old_bytes(window);
            old.insert(old.end(), part.begin(), part.end());
        }
        Bytes payload;
        encode_numbers_block(numbers, old, mode, prediction,
                             {models_[mode.model], models_.gaps(), symbols_}, payload);
        records_.coded(CoderId::numbers, numbers, windows, payload);
    }

private:
    static Bytes old_numbers() {
        Bytes all;
        for (const auto& type : all_types) {
            const Bytes part = words(type, many, 50 + static_cast<unsigned>(type.type));
            all.insert(all.end(), part.begin(), part.end());
        }
        for (std::size_t i = 0; i < 4 * channels; ++i)
            append_le(all, std::bit_cast<std::uint32_t>(0.5F + 0.125F * static_cast<float>(i % 7)));
        return all;
    }

    RecordWriter records_;
    NumberModels models_;
    number::SymbolWriter symbols_;
    unsigned blocks_ = 0;
};

NumberMode mode_of(const NumberType& type, Method method, std::uint8_t skip = 0) {
    NumberMode mode;
    mode.type = type.type;
    mode.method = method;
    mode.skip = skip;
    return mode;
}

void add_methods(NumberWriter& out, const NumberType& type, std::size_t count) {
    const bool is_float = type.fraction_bits != 0;
    const auto range = NumberWriter::range_of(type, count);
    const auto old = out.old_bytes(range);
    for (const auto method : {Method::absolute, Method::relative, Method::direct}) {
        if (!is_float && method != Method::relative) continue;
        const Bytes next = method == Method::direct ? words(type, count, 70 + count)
                                                    : changed(type, old, 71 + count);
        out.block(next, {range}, mode_of(type, method));
    }
    out.block(changed(type, old, 72, 40), {range}, mode_of(type, Method::sparse));
}

void add_memories(NumberWriter& out, const NumberType& type, std::size_t count) {
    const auto range = NumberWriter::range_of(type, count);
    const auto old = out.old_bytes(range);
    for (const auto method : {Method::absolute, Method::relative, Method::direct}) {
        for (const bool rows : {false, true}) {
            NumberMode mode = mode_of(type, method);
            mode.columns = columns;
            mode.column = 5;
            mode.rows = rows;
            out.block(changed(type, old, rows ? 73 : 74), {range}, mode);
        }
    }
}

// What the prediction makes of the old numbers, and nearly that.
void add_prediction(NumberWriter& out, const NumberType& type, std::vector<OldRange> windows,
                    std::size_t count, const Prediction& prediction) {
    Bytes old;
    for (const auto& window : windows) {
        const auto part = out.old_bytes(window);
        old.insert(old.end(), part.begin(), part.end());
    }
    Bytes exact(count * type.bytes);
    apply_prediction(prediction, type.type, Reference{old, 0, exact.size()}, exact);
    out.block(exact, windows, mode_of(type, Method::exact), prediction);
    out.block(changed(type, exact, 75), windows, mode_of(type, Method::absolute), prediction);
    if (prediction.predictor != Predictor::folded) return;
    NumberMode mode = mode_of(type, Method::direct);
    mode.columns = columns;
    out.block(changed(type, exact, 76), windows, mode, prediction);
}

}  // namespace

GoldenPair every_number() {
    NumberWriter out;
    for (const auto& type : all_types) {
        add_methods(out, type, few);
        add_methods(out, type, type.bytes == 8 ? few - 1 : many);
        // Without old numbers.
        out.block(words(type, few, 77), {}, mode_of(type, Method::relative));
    }
    for (const auto type : {ElementType::f32, ElementType::f16, ElementType::bf16}) {
        add_memories(out, type_of(type), few);
        add_memories(out, type_of(type), many);
    }
    // Loose bytes around the numbers, and windows that are not one after the other.
    const auto& singles = type_of(ElementType::f32);
    const auto range = NumberWriter::range_of(singles, many);
    const std::vector<OldRange> windows{{range.offset + 401, 401}, {range.offset + 1, 402}};
    Bytes old;
    for (const auto& window : windows) {
        const auto part = out.old_bytes(window);
        old.insert(old.end(), part.begin(), part.end());
    }
    old[9] ^= std::byte{3};
    out.block(old, windows, mode_of(singles, Method::absolute, 3));
    return out.records().finish("every-number", false);
}

GoldenPair every_prediction() {
    NumberWriter out;
    SeededRandom random(80);
    const number::Grid grid{columns, 7};
    const std::size_t rows = (7 + few + columns - 1) / columns;
    Prediction scale;
    scale.grid = grid;
    for (std::size_t i = 0; i < columns; ++i)
        scale.scales.push_back(0.75F + 0.0625F * static_cast<float>(i));
    std::vector<std::int32_t> left;
    std::vector<std::int32_t> right;
    constexpr unsigned rank = 3;
    for (std::size_t i = 0; i < rows * rank; ++i)
        left.push_back(static_cast<std::int32_t>(random.below(2000)) - 1000);
    for (std::size_t i = 0; i < columns * rank; ++i)
        right.push_back(static_cast<std::int32_t>(random.below(2000)) - 1000);
    for (const auto element : {ElementType::f32, ElementType::f16, ElementType::bf16}) {
        const auto& type = type_of(element);
        const std::vector<OldRange> windows{NumberWriter::range_of(type, few)};
        Prediction by_rows = scale;
        by_rows.predictor = Predictor::scale;
        by_rows.scales.resize(rows);
        add_prediction(out, type, windows, few, by_rows);
        Prediction by_columns = scale;
        by_columns.predictor = Predictor::scale_columns;
        add_prediction(out, type, windows, few, by_columns);
        Prediction product;
        product.predictor = Predictor::low_rank;
        product.grid = grid;
        product.rank = rank;
        product.shift = 24;
        product.left = left;
        product.right = right;
        add_prediction(out, type, windows, few, product);
        product.send_right = false;
        add_prediction(out, type, windows, few, product);
    }
    const auto& singles = type_of(ElementType::f32);
    for (unsigned form = 0; form < 6; ++form) {
        Prediction fold;
        fold.predictor = Predictor::folded;
        fold.fold = {form % 2 != 0, form >= 2, form >= 4, 1e-3F, channels, 4};
        fold.grid = fold.fold.is_bias ? number::Grid{1, 0} : grid;
        const std::size_t count = fold.fold.is_bias ? channels : few;
        OldRange arrays = out.norms();
        arrays.length = fold.fold.array_bytes();
        add_prediction(out, singles, {NumberWriter::range_of(singles, count), arrays}, count, fold);
    }
    const auto& bytes = type_of(ElementType::i8);
    for (const std::size_t count : {few, many}) {
        const auto range = NumberWriter::range_of(bytes, count);
        Prediction again;
        again.predictor = Predictor::rescale;
        again.grid = grid;
        again.ratios.assign((7 + count + columns - 1) / columns, 300);
        again.ratios[1] = -1000;
        out.block(changed(bytes, out.old_bytes(range), 78), {range},
                  mode_of(bytes, Method::relative), again);
    }
    return out.records().finish("every-prediction", true);
}

}  // namespace strandline::delta
