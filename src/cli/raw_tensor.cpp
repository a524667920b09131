#include "cli/raw_tensor.h"

#include <charconv>
#include <cmath>
#include <fmt/core.h>

#include "base/float16.h"

namespace strandline::cli {
namespace {

std::string number_json(float value) {
    if (std::isnan(value)) return "\"nan\"";
    if (std::isinf(value)) return value > 0 ? "\"inf\"" : "\"-inf\"";
    return fmt::format("{}", value);
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
        if (out.size() > 1) out += ',';
        out += number_json(half_to_float(load_le<std::uint16_t>(bytes.subspan(at, 2))));
    }
    return out + "]";
}

}  // namespace strandline::cli
