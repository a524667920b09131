#include "delta/layout/float_blocks.h"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace strandline::delta {
namespace {

/// What exponents and mantissas of weights look like. Weights of one layer follow a bell curve:
/// most exponents are within 3 of each other; optimiser state spreads to twice that. Weight decay
/// drives unused layers of fp32 down to 1e-36.
struct Shape {
    ElementType type;
    int lowest_mean;
    int highest_mean;
    int quarters_of_spread;  ///< mean distance from the mean, in quarters
    int far;                 ///< farther from the mean is an outlier
};
// The 16-bit types come first: two of their numbers pass for one of fp32. bf16 before fp16: its
// fewer mantissa bits keep the exponent still when read as fp16, but not the other way round.
constexpr std::array shapes{
    Shape{ElementType::bf16, 40, 150, 14, 20},
    Shape{ElementType::f16, 3, 19, 10, 9},
    Shape{ElementType::f32, 6, 150, 24, 32},
    Shape{ElementType::f64, 923, 1050, 24, 32},
};

constexpr std::size_t max_numbers = float_block_bytes / 2;

struct Sample {
    std::array<int, max_numbers> exponents;  ///< the first `numbers` of them
    std::size_t numbers = 0;
    std::size_t high_bits = 0;  ///< numbers whose middling mantissa bit is set
};

template <ElementType type>
constexpr std::size_t bytes_of = type == ElementType::f64   ? 8
                                 : type == ElementType::f32 ? 4
                                                            : 2;

/// The byte whose top bit is a middling mantissa bit: it is 0 in all text, and 0 or 1 in weights.
template <ElementType type>
constexpr std::size_t mantissa_byte = type == ElementType::f64   ? 5
                                      : type == ElementType::f32 ? 1
                                                                 : 0;

/// The exponent field from the two bytes that hold it, the last of the number.
template <ElementType type>
int exponent_field(std::byte low, std::byte high) {
    const auto bits = std::to_integer<unsigned>(low) | std::to_integer<unsigned>(high) << 8;
    constexpr unsigned mantissa_bits = type == ElementType::f16   ? 10
                                       : type == ElementType::f64 ? 4
                                                                  : 7;
    return static_cast<int>((bits & 0x7fffU) >> mantissa_bits);
}

bool looks_trained(const Shape& shape, const Sample& sample) {
    const auto count = static_cast<int>(sample.numbers);
    if (count < 8) return false;
    int sum = 0;
    for (std::size_t i = 0; i < sample.numbers; ++i) sum += sample.exponents[i];
    const int mean = (sum + count / 2) / count;
    if (mean < shape.lowest_mean || mean > shape.highest_mean) return false;
    int distance = 0;
    int outliers = 0;
    for (std::size_t i = 0; i < sample.numbers; ++i) {
        const int from_mean = std::abs(sample.exponents[i] - mean);
        distance += from_mean;
        outliers += from_mean > shape.far ? 1 : 0;
    }
    const auto high = static_cast<int>(sample.high_bits);
    return 4 * distance <= count * shape.quarters_of_spread && outliers * 25 <= count &&
           high * 6 >= count && (count - high) * 6 >= count;
}

/// The mean exponent of the block as weights on this grid; nothing when they are none. Zeros and
/// numbers next to it say nothing.
template <ElementType type>
std::optional<int> mean_of(const Shape& shape, ByteSpan block, std::size_t phase) {
    constexpr auto size = bytes_of<type>;
    Sample sample;
    int sum = 0;
    for (std::size_t at = phase; at + size <= block.size(); at += size) {
        const int exponent = exponent_field<type>(block[at + size - 2], block[at + size - 1]);
        if (exponent == 0) continue;
        sum += exponent;
        sample.exponents[sample.numbers++] = exponent;
        sample.high_bits += std::to_integer<std::size_t>(block[at + mantissa_byte<type>] >> 7);
    }
    if (!looks_trained(shape, sample)) return std::nullopt;
    return sum / static_cast<int>(sample.numbers);
}

/// Cheap: sees most blocks that are not of this grid from an eighth of their numbers.
template <ElementType type>
bool can_be_of(const Shape& shape, ByteSpan block, std::size_t phase) {
    constexpr auto size = bytes_of<type>;
    std::array<int, float_block_bytes / 8 / size> exponents;
    int numbers = 0;
    int sum = 0;
    for (std::size_t end = phase + size; end <= block.size(); end += 8 * size) {
        const int exponent = exponent_field<type>(block[end - 2], block[end - 1]);
        if (exponent == 0) continue;
        exponents[static_cast<std::size_t>(numbers++)] = exponent;
        sum += exponent;
    }
    if (numbers < 4) return true;
    const int mean = sum / numbers;
    int distance = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(numbers); ++i) {
        distance += std::min(std::abs(exponents[i] - mean), shape.far);
    }
    // Twice what the whole block may have: a small sample may be unlucky.
    return mean >= shape.lowest_mean - 4 && mean <= shape.highest_mean + 4 &&
           2 * distance <= numbers * shape.quarters_of_spread;
}

template <ElementType type>
std::optional<int> mean_if_weights(const Shape& shape, ByteSpan block, std::size_t phase) {
    if (!can_be_of<type>(shape, block, phase)) return std::nullopt;
    return mean_of<type>(shape, block, phase);
}

std::optional<int> mean_on(const Shape& shape, ByteSpan block, std::size_t phase) {
    switch (shape.type) {
        case ElementType::f64:
            return mean_if_weights<ElementType::f64>(shape, block, phase);
        case ElementType::f32:
            return mean_if_weights<ElementType::f32>(shape, block, phase);
        case ElementType::f16:
            return mean_if_weights<ElementType::f16>(shape, block, phase);
        default:
            return mean_if_weights<ElementType::bf16>(shape, block, phase);
    }
}

bool nearly_zero(ByteSpan block) {
    const auto zeros = std::count(block.begin(), block.end(), std::byte{0});
    return zeros * 16 >= static_cast<std::ptrdiff_t>(block.size()) * 15;
}

}  // namespace

std::optional<int> exponent_of(ElementType type, ByteSpan number) {
    switch (type) {
        case ElementType::f64: {
            const auto bits = load_le<std::uint64_t>(number) << 1;
            if (bits == 0) return std::nullopt;
            return static_cast<int>(bits >> 53);
        }
        case ElementType::f32: {
            const auto bits = load_le<std::uint32_t>(number) << 1;
            if (bits == 0) return std::nullopt;
            return static_cast<int>(bits >> 24);
        }
        default: {
            const unsigned bits = load_le<std::uint16_t>(number) & 0x7fffU;
            if (bits == 0) return std::nullopt;
            return static_cast<int>(bits >> (type == ElementType::f16 ? 10 : 7));
        }
    }
}

FloatBlock classify_block(ByteSpan block, std::optional<FloatGrid> guess) {
    if (nearly_zero(block)) return {true, std::nullopt, 0};
    if (guess) {
        const auto shape = std::ranges::find(shapes, guess->type, &Shape::type);
        if (const auto mean = mean_on(*shape, block, guess->phase)) return {false, guess, *mean};
    }
    for (const auto& shape : shapes) {
        for (unsigned phase = 0; phase < element_size(shape.type); ++phase) {
            const auto mean = mean_on(shape, block, phase);
            if (mean) return {false, FloatGrid{shape.type, phase}, *mean};
        }
    }
    return {};
}

}  // namespace strandline::delta
