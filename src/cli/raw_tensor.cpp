#include "cli/raw_tensor.h"

#include <charconv>
#include <cmath>
#include <fmt/core.h>

namespace strandline::cli {
namespace {

// IEEE 754-2008, section 3.4: 1 bit sign, 5 exponent, 10 fraction.
double half_value(unsigned bits) {
    constexpr int bias = 15;
    constexpr int fraction_bits = 10;
    constexpr unsigned special = 31;
    const unsigned exponent = (bits >> fraction_bits) & special;
    const unsigned fraction = bits & 0x3ffU;
    double value = 0;
    if (exponent == special) {
        value = fraction == 0 ? INFINITY : NAN;
    } else if (exponent == 0) {
        value = std::ldexp(fraction, 1 - bias - fraction_bits);
    } else {
        value = std::ldexp(fraction + 1024, static_cast<int>(exponent) - bias - fraction_bits);
    }
    return (bits & 0x8000U) == 0 ? value : -value;
}

std::string number_json(double value) {
    if (std::isnan(value)) return "\"nan\"";
    if (std::isinf(value)) return value > 0 ? "\"inf\"" : "\"-inf\"";
    return fmt::format("{}", static_cast<float>(value));
}

}  // namespace

Result<std::vector<std::int64_t>> parse_shape(std::string_view text) {
    std::vector<std::int64_t> shape;
    if (text.empty()) return shape;
    const auto* const end = text.data() + text.size();
    for (const auto* at = text.data();; ++at) {
        std::int64_t size = 0;
        const auto [stop, error] = std::from_chars(at, end, size);
        const bool good = error == std::errc{} && size >= 0 && (stop == end || *stop == ',');
        if (!good) return fail(Errc::invalid, "write a shape as 1,3,224,224");
        shape.push_back(size);
        if (stop == end) return shape;
        at = stop;
    }
}

std::string shape_json(const std::vector<std::int64_t>& shape) {
    std::string out = "[";
    for (const auto size : shape) out += (out.size() > 1 ? "," : "") + std::to_string(size);
    return out + "]";
}

std::string fp16_json(ByteSpan bytes) {
    std::string out = "[";
    for (std::size_t at = 0; at + 1 < bytes.size(); at += 2) {
        const auto bits =
            std::to_integer<unsigned>(bytes[at]) | std::to_integer<unsigned>(bytes[at + 1]) << 8U;
        if (out.size() > 1) out += ',';
        out += number_json(half_value(bits));
    }
    return out + "]";
}

}  // namespace strandline::cli
