#include "delta/layout/sign_samples.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "delta/layout/content_hash.h"
#include "delta/layout/reader.h"

namespace strandline::delta {
namespace {

/// Exact; subnormal numbers included.
double half_value(std::uint16_t bits) {
    const int exponent = (bits >> 10) & 31;
    const int mantissa = bits & 1023;
    const double magnitude =
        exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(mantissa + 1024, exponent - 25);
    return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

template <class Signed, class Unsigned>
double signed_value(ByteSpan bytes) {
    return static_cast<double>(static_cast<Signed>(load_le<Unsigned>(bytes)));
}

double value_of(ElementType type, ByteSpan bytes) {
    switch (type) {
        case ElementType::f64:
            return std::bit_cast<double>(load_le<std::uint64_t>(bytes));
        case ElementType::f32:
            return load_f32(bytes);
        case ElementType::f16:
            return half_value(load_le<std::uint16_t>(bytes));
        case ElementType::bf16: {
            const auto bits = std::uint32_t{load_le<std::uint16_t>(bytes)} << 16;
            return std::bit_cast<float>(bits);
        }
        case ElementType::i64:
            return signed_value<std::int64_t, std::uint64_t>(bytes);
        case ElementType::i32:
            return signed_value<std::int32_t, std::uint32_t>(bytes);
        case ElementType::i16:
            return signed_value<std::int16_t, std::uint16_t>(bytes);
        case ElementType::i8:
            return signed_value<std::int8_t, std::uint8_t>(bytes);
        case ElementType::u8:
            return std::to_integer<std::uint8_t>(bytes[0]);
        case ElementType::opaque:
            break;
    }
    return 0;
}

/// 0 when both signs are common, else the median.
double centre_of(std::span<const std::optional<double>> numbers) {
    std::vector<double> values;
    for (const auto& number : numbers) {
        if (number) values.push_back(*number);
    }
    if (values.empty()) return 0;
    const auto negative = static_cast<std::size_t>(
        std::ranges::count_if(values, [](double value) { return value < 0; }));
    if (negative * 10 >= values.size() && (values.size() - negative) * 10 >= values.size())
        return 0;
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::ranges::nth_element(values, middle);
    return *middle;
}

}  // namespace

std::optional<double> number_at(const Tensor& tensor, ByteSpan file, std::uint64_t index) {
    const std::uint64_t size = element_size(tensor.type);
    if (index >= tensor.bytes / size) return std::nullopt;
    const auto bytes = slice(file, tensor.offset + index * size, size);
    if (bytes.empty()) return std::nullopt;
    const double value = value_of(tensor.type, bytes);
    if (value == 0 || std::isnan(value)) return std::nullopt;
    return value;
}

std::uint64_t sample_index(std::uint64_t sample, std::uint64_t samples, std::uint64_t count) {
    const std::uint64_t stretch = count / samples;
    return stretch <= 1 ? sample * stretch : sample * stretch + mix_bits(sample) % stretch;
}

SignSamples sign_samples(std::span<const std::optional<double>> numbers) {
    const double centre = centre_of(numbers);
    SignSamples result;
    result.above.resize((numbers.size() + 63) / 64);
    result.known.resize(result.above.size());
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        if (!numbers[i] || *numbers[i] == centre) continue;
        const auto bit = std::uint64_t{1} << (i % 64);
        result.known[i / 64] |= bit;
        if (*numbers[i] > centre) result.above[i / 64] |= bit;
    }
    return result;
}

bool Agreement::related() const {
    // Chance agreement has a standard deviation of 1 / (2 sqrt(n)): four of them at 64 samples.
    const double beyond_chance = 2 / std::sqrt(static_cast<double>(compared) + 1);
    return compared >= 16 && share() - 0.5 > std::min(0.49, std::max(0.25, beyond_chance));
}

Agreement agreement(const SignSamples& a, const SignSamples& b) {
    Agreement result;
    for (std::size_t i = 0; i < std::min(a.known.size(), b.known.size()); ++i) {
        const auto both = a.known[i] & b.known[i];
        result.compared += static_cast<std::uint64_t>(std::popcount(both));
        result.same += static_cast<std::uint64_t>(std::popcount(both & ~(a.above[i] ^ b.above[i])));
    }
    return result;
}

}  // namespace strandline::delta
