#include <array>
#include <charconv>
#include <cmath>
#include <fmt/format.h>

#include "base/float16.h"
#include "base/json.h"
#include "infer/json_scan.h"
#include "infer/tensor_json.h"

namespace strandline::infer {
namespace {

template <class T>
void append_numbers(const Tensor& tensor, std::string& out) {
    std::array<char, 32> buffer{};
    for (const T value : tensor.as<T>()) {
        const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
        out.append(buffer.data(), end);
        out += ',';
    }
}

template <class T>
Status append_reals(const Tensor& tensor, std::string& out) {
    for (const T value : tensor.as<T>()) {
        if (!std::isfinite(value)) {
            return fail(Errc::invalid,
                        fmt::format("tensor '{}' holds NaN or infinity, which JSON cannot "
                                    "carry; ask for binary data",
                                    tensor.name));
        }
    }
    append_numbers<T>(tensor, out);
    return {};
}

Status append_halves(const Tensor& tensor, std::string& out) {
    Tensor wide{tensor.name, DataType::fp32, tensor.shape, {}, {}};
    for (const auto bits : tensor.as<std::uint16_t>()) {
        const float value = half_to_float(bits);
        const auto* bytes = reinterpret_cast<const std::byte*>(&value);
        wide.data.insert(wide.data.end(), bytes, bytes + sizeof(value));
    }
    return append_reals<float>(wide, out);
}

Status append_texts(const Tensor& tensor, std::string& out) {
    for (const auto& element : tensor.elements) {
        const auto start = out.size();
        append_json_string(element, out);
        const auto written = std::string_view(out).substr(start);
        if (!is_plain(element) && !parse_json(written, "string", {written.size(), 1})) {
            return fail(Errc::invalid,
                        fmt::format("tensor '{}' holds bytes that are not UTF-8, which JSON "
                                    "cannot carry; ask for binary data",
                                    tensor.name));
        }
        out += ',';
    }
    return {};
}

Status append_elements(const Tensor& tensor, std::string& out) {
    switch (tensor.type) {
        case DataType::boolean:
            for (const auto value : tensor.data) out += value == std::byte{0} ? "false," : "true,";
            return {};
        case DataType::uint8:
            return append_numbers<std::uint8_t>(tensor, out), Status{};
        case DataType::uint16:
            return append_numbers<std::uint16_t>(tensor, out), Status{};
        case DataType::uint32:
            return append_numbers<std::uint32_t>(tensor, out), Status{};
        case DataType::uint64:
            return append_numbers<std::uint64_t>(tensor, out), Status{};
        case DataType::int8:
            return append_numbers<std::int8_t>(tensor, out), Status{};
        case DataType::int16:
            return append_numbers<std::int16_t>(tensor, out), Status{};
        case DataType::int32:
            return append_numbers<std::int32_t>(tensor, out), Status{};
        case DataType::int64:
            return append_numbers<std::int64_t>(tensor, out), Status{};
        case DataType::fp16:
            return append_halves(tensor, out);
        case DataType::fp32:
            return append_reals<float>(tensor, out);
        case DataType::fp64:
            return append_reals<double>(tensor, out);
        case DataType::bytes:
            return append_texts(tensor, out);
    }
    return fail(Errc::internal, "unknown tensor type");
}

}  // namespace

Status write_tensor_data(const Tensor& tensor, std::string& out) {
    out += '[';
    const auto start = out.size();
    TRY(append_elements(tensor, out));
    if (out.size() > start) out.pop_back();  // the last comma
    out += ']';
    return {};
}

void append_json_string(std::string_view text, std::string& out) {
    out += '"';
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
        } else {
            out += c;
        }
    }
    out += '"';
}

}  // namespace strandline::infer
