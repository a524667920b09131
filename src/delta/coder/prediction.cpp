#include "delta/coder/prediction.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace strandline::delta {
namespace {

constexpr std::uint64_t max_columns = std::uint64_t{1} << 32;
constexpr unsigned max_shift = 200;
constexpr unsigned fold_reciprocal = 1;
constexpr unsigned fold_is_bias = 2;
constexpr unsigned fold_has_bias = 4;

Error malformed(const char* what) {
    return fail(Errc::corrupt, std::string("delta has a malformed prediction: ") + what);
}

void append_numbers(ElementType type, ByteSpan numbers, number::SymbolWriter& writer, Bytes& out) {
    const auto model = std::make_unique<number::NumberModel>();
    Bytes coded;
    number::encode_numbers({type, number::Method::relative}, numbers, {}, *model, writer, coded);
    append_varint(out, coded.size());
    out.insert(out.end(), coded.begin(), coded.end());
}

void append_factors(std::span<const std::int32_t> factors, number::SymbolWriter& writer,
                    Bytes& out) {
    Bytes words;
    words.reserve(factors.size() * sizeof(std::int32_t));
    for (const auto factor : factors) append_le(words, static_cast<std::uint32_t>(factor));
    append_numbers(ElementType::i32, words, writer, out);
}

void append_fold(const number::NormFold& fold, Bytes& out) {
    out.push_back(static_cast<std::byte>((fold.reciprocal ? fold_reciprocal : 0) |
                                         (fold.is_bias ? fold_is_bias : 0) |
                                         (fold.has_bias ? fold_has_bias : 0)));
    append_le(out, std::bit_cast<std::uint32_t>(fold.epsilon));
    append_varint(out, fold.channels);
    append_varint(out, fold.first);
}

}  // namespace

void append_prediction(const Prediction& prediction, number::SymbolWriter& writer, Bytes& out) {
    out.push_back(static_cast<std::byte>(prediction.predictor));
    append_varint(out, prediction.grid.columns);
    append_varint(out, prediction.grid.phase);
    if (prediction.predictor == Predictor::scale ||
        prediction.predictor == Predictor::scale_columns) {
        for (const float scale : prediction.scales)
            append_le(out, std::bit_cast<std::uint32_t>(scale));
        return;
    }
    if (prediction.predictor == Predictor::rescale) {
        Bytes words;
        for (const auto ratio : prediction.ratios)
            append_le(words, static_cast<std::uint16_t>(ratio));
        append_numbers(ElementType::i16, words, writer, out);
        return;
    }
    if (prediction.predictor == Predictor::folded) {
        append_fold(prediction.fold, out);
        return;
    }
    out.push_back(static_cast<std::byte>(prediction.rank | (prediction.send_right ? 0x80u : 0u)));
    out.push_back(static_cast<std::byte>(prediction.shift));
    if (prediction.send_right) append_factors(prediction.right, writer, out);
    append_factors(prediction.left, writer, out);
}

void apply_prediction(const Prediction& prediction, ElementType type, const Reference& reference,
                      std::span<std::byte> numbers) {
    std::ranges::copy(reference.numbers(numbers.size()), numbers.begin());
    if (prediction.predictor == Predictor::scale) {
        number::scale_rows(type, numbers, prediction.grid, prediction.scales);
    } else if (prediction.predictor == Predictor::scale_columns) {
        number::scale_columns(type, numbers, prediction.grid, prediction.scales);
    } else if (prediction.predictor == Predictor::low_rank) {
        number::add_low_rank(
            type, numbers, prediction.grid,
            {prediction.rank, prediction.shift, prediction.left, prediction.right});
    } else if (prediction.predictor == Predictor::folded) {
        number::fold_norm(numbers, prediction.grid, prediction.fold, reference.beside());
    }
}

Status PredictionState::read_and_apply(FieldReader& in, ElementType type,
                                       const Reference& reference, std::span<std::byte> numbers) {
    predictor_ = static_cast<Predictor>(in.byte());
    grid_.columns = in.varint();
    grid_.phase = in.varint();
    const number::Grid& grid = grid_;
    if (!factors_) return malformed("its header does not declare it");
    if (!in.ok() || grid.columns == 0 || grid.columns > max_columns || grid.phase >= grid.columns)
        return malformed("impossible rows");
    if (reference.bytes.size() < reference.block_bytes) return malformed("nothing to predict from");
    std::ranges::copy(reference.numbers(numbers.size()), numbers.begin());
    if (predictor_ == Predictor::folded)
        return apply_fold(in, type, grid, reference.beside(), numbers);
    if (!reference.beside().empty()) return malformed("old bytes do not fit");
    if (predictor_ == Predictor::rescale && type == ElementType::i8)
        return read_ratios(in, static_cast<std::size_t>(grid.rows(numbers.size())));
    if (!number::can_predict(type)) return malformed("not for this type");
    if (predictor_ == Predictor::scale || predictor_ == Predictor::scale_columns)
        return apply_scale(in, type, grid, numbers);
    if (predictor_ == Predictor::low_rank) return apply_low_rank(in, type, grid, numbers);
    return malformed("unknown predictor");
}

Status PredictionState::read_ratios(FieldReader& in, std::size_t rows) {
    const auto coded = in.take(in.varint());
    if (!in.ok() || rows > max_factor_count) return malformed("it ends early");
    if (!model_) model_ = std::make_unique<number::NumberModel>();
    model_->reset();
    ratios_.resize(rows);
    Bytes words(rows * sizeof(std::int16_t));
    TRY(number::decode_numbers({ElementType::i16, number::Method::relative}, coded, {}, *model_,
                               words));
    for (std::size_t row = 0; row < rows; ++row) {
        const auto field = ByteSpan(words).subspan(2 * row, 2);
        ratios_[row] = static_cast<std::int16_t>(load_le<std::uint16_t>(field));
    }
    return {};
}

Status PredictionState::apply_scale(FieldReader& in, ElementType type, const number::Grid& grid,
                                    std::span<std::byte> numbers) {
    const bool by_rows = predictor_ == Predictor::scale;
    const std::uint64_t count =
        by_rows ? grid.rows(numbers.size() / element_size(type)) : grid.columns;
    if (count > max_factor_count) return malformed("too many scales");
    std::vector<float> scales;
    for (std::uint64_t i = 0; i < count; ++i) {
        const auto field = in.take(sizeof(std::uint32_t));
        if (!in.ok()) return malformed("it ends early");
        scales.push_back(std::bit_cast<float>(load_le<std::uint32_t>(field)));
    }
    if (by_rows) {
        number::scale_rows(type, numbers, grid, scales);
    } else {
        number::scale_columns(type, numbers, grid, scales);
    }
    return {};
}

Status PredictionState::apply_fold(FieldReader& in, ElementType type, const number::Grid& grid,
                                   ByteSpan arrays, std::span<std::byte> numbers) {
    const unsigned flags = in.byte();
    number::NormFold fold;
    fold.reciprocal = (flags & fold_reciprocal) != 0;
    fold.is_bias = (flags & fold_is_bias) != 0;
    fold.has_bias = (flags & fold_has_bias) != 0;
    const auto epsilon = in.take(sizeof(std::uint32_t));
    fold.channels = in.varint();
    fold.first = in.varint();
    if (!in.ok()) return malformed("it ends early");
    if (type != ElementType::f32) return malformed("not for this type");
    fold.epsilon = std::bit_cast<float>(load_le<std::uint32_t>(epsilon));
    if (flags > (fold_reciprocal | fold_is_bias | fold_has_bias) ||
        (fold.has_bias && !fold.is_bias) || !std::isfinite(fold.epsilon))
        return malformed("unknown folding");
    // Bounded by the reference, so that no product overflows.
    if (fold.first >= fold.channels || fold.channels > arrays.size() ||
        fold.array_bytes() != arrays.size())
        return malformed("impossible channels");
    number::fold_norm(numbers, grid, fold, arrays);
    return {};
}

Status PredictionState::apply_low_rank(FieldReader& in, ElementType type, const number::Grid& grid,
                                       std::span<std::byte> numbers) {
    const unsigned flags = in.byte();
    const unsigned shift = in.byte();
    const unsigned rank = flags & 0x7f;
    if (!in.ok() || rank == 0 || rank > number::LowRank::max_rank || shift > max_shift)
        return malformed("impossible rank");
    const std::uint64_t rows = grid.rows(numbers.size() / element_size(type));
    // Both below 2^33, so that nothing overflows.
    if ((rows + grid.columns) * rank > max_factor_count) return malformed("too many factors");
    if ((flags & 0x80) != 0) {
        TRY(read_factors(in, right_, static_cast<std::size_t>(grid.columns * rank)));
        right_rank_ = rank;
        right_columns_ = grid.columns;
    }
    if (right_rank_ != rank || right_columns_ != grid.columns)
        return malformed("factors are missing");
    TRY(read_factors(in, left_, static_cast<std::size_t>(rows * rank)));
    number::add_low_rank(type, numbers, grid, {rank, static_cast<int>(shift), left_, right_});
    return {};
}

Status PredictionState::read_factors(FieldReader& in, std::vector<std::int32_t>& out,
                                     std::size_t count) {
    constexpr std::int32_t limit = 1 << (number::LowRank::factor_bits - 1);
    const auto coded = in.take(in.varint());
    if (!in.ok()) return malformed("it ends early");
    if (!model_) model_ = std::make_unique<number::NumberModel>();
    model_->reset();
    out.reserve(max_factor_count);
    out.resize(count);
    const auto bytes = std::as_writable_bytes(std::span(out));
    TRY(number::decode_numbers({ElementType::i32, number::Method::relative}, coded, {}, *model_,
                               bytes));
    for (auto& factor : out) {
        if constexpr (std::endian::native != std::endian::little) {
            const auto at = std::as_bytes(std::span(&factor, 1));
            factor = static_cast<std::int32_t>(load_le<std::uint32_t>(at));
        }
        if (factor < -limit || factor > limit) return malformed("a factor is out of range");
    }
    return {};
}

}  // namespace strandline::delta
