#include "infer/tensor_json.h"

#include <algorithm>
#include <boost/json/string.hpp>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <fmt/format.h>
#include <optional>
#include <type_traits>

#include "base/float16.h"
#include "base/json.h"
#include "infer/json_scan.h"

namespace strandline::infer {
namespace {

constexpr std::size_t max_rank = 16;

bool ends_token(char c) { return c == ',' || c == ']' || is_space(c); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::size_t skip_digits(std::string_view text, std::size_t at) {
    while (at < text.size() && is_digit(text[at])) ++at;
    return at;
}

/// RFC 8259 section 6, which from_chars alone would not enforce ("1.", "01", "inf").
bool is_json_number(std::string_view text) {
    std::size_t at = text.starts_with('-') ? 1 : 0;
    const auto whole = skip_digits(text, at);
    if (whole == at || (text[at] == '0' && whole > at + 1)) return false;
    at = whole;
    if (at < text.size() && text[at] == '.') {
        const auto fraction = skip_digits(text, at + 1);
        if (fraction == at + 1) return false;
        at = fraction;
    }
    if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
        ++at;
        if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
        const auto exponent = skip_digits(text, at);
        if (exponent == at) return false;
        at = exponent;
    }
    return at == text.size();
}

template <class T>
void put(T value, std::byte* out) {
    const auto* bytes = reinterpret_cast<const std::byte*>(&value);
    std::copy(bytes, bytes + sizeof(T), out);
}

/// A number too small to tell from zero is zero; one too large for the type has no value.
template <class T>
std::optional<T> to_real(std::string_view token) {
    if (!is_json_number(token)) return std::nullopt;
    T value{};
    const auto [end, problem] = std::from_chars(token.data(), token.data() + token.size(), value);
    if (problem == std::errc{} && end == token.data() + token.size() && std::isfinite(value))
        return value;
    const double wide = std::strtod(std::string(token).c_str(), nullptr);
    if (!std::isfinite(wide) || std::abs(wide) >= 1) return std::nullopt;
    return static_cast<T>(wide);
}

template <class T>
bool store(std::string_view token, std::byte* out) {
    if constexpr (std::is_floating_point_v<T>) {
        const auto value = to_real<T>(token);
        if (value) put(*value, out);
        return value.has_value();
    } else {
        if (!is_json_number(token)) return false;
        T value{};
        const auto [end, problem] =
            std::from_chars(token.data(), token.data() + token.size(), value);
        if (problem != std::errc{} || end != token.data() + token.size()) return false;
        put(value, out);
        return true;
    }
}

bool store_bool(std::string_view token, std::byte* out) {
    if (token != "true" && token != "false") return false;
    *out = token == "true" ? std::byte{1} : std::byte{0};
    return true;
}

bool store_half(std::string_view token, std::byte* out) {
    const auto value = to_real<float>(token);
    if (!value) return false;
    const auto bits = float_to_half(*value);
    if (!std::isfinite(half_to_float(bits))) return false;
    put(bits, out);
    return true;
}

using Store = bool (*)(std::string_view token, std::byte* out);

Store store_of(DataType type) {
    switch (type) {
        case DataType::boolean:
            return &store_bool;
        case DataType::uint8:
            return &store<std::uint8_t>;
        case DataType::uint16:
            return &store<std::uint16_t>;
        case DataType::uint32:
            return &store<std::uint32_t>;
        case DataType::uint64:
            return &store<std::uint64_t>;
        case DataType::int8:
            return &store<std::int8_t>;
        case DataType::int16:
            return &store<std::int16_t>;
        case DataType::int32:
            return &store<std::int32_t>;
        case DataType::int64:
            return &store<std::int64_t>;
        case DataType::fp16:
            return &store_half;
        case DataType::fp32:
            return &store<float>;
        case DataType::fp64:
            return &store<double>;
        case DataType::bytes:
            break;
    }
    return nullptr;
}

/// Reads one array into one tensor.
class ArrayReader {
public:
    ArrayReader(std::string_view text, Tensor& tensor, const TensorJsonLimits& limits)
        : text_(text),
          tensor_(tensor),
          limits_(limits),
          store_(store_of(tensor.type)),
          element_size_(element_size(tensor.type)) {}

    Status read() {
        if (tensor_.shape.size() > max_rank) return problem("has too many dimensions");
        const auto counted = element_count(tensor_.shape);
        if (!counted) return context(fmt::format("tensor '{}'", tensor_.name), counted.error());
        const auto count = *counted;
        // Each element takes at least one byte, so nothing is allocated for a mere claim.
        if (count > text_.size()) return count_problem(count);
        if (tensor_.type == DataType::bytes) {
            if (count > limits_.max_texts) return problem("has too many BYTES elements");
            tensor_.elements.reserve(count);
        } else {
            tensor_.data.resize(count * element_size(tensor_.type));
        }
        TRY(is_nested() ? read_nested(0) : read_leaf(count));
        skip_spaces();
        if (at_ != text_.size()) return problem("has text behind its data");
        return {};
    }

private:
    [[nodiscard]] Error problem(std::string_view what) const {
        return fail(Errc::invalid, fmt::format("tensor '{}' {}", tensor_.name, what));
    }
    [[nodiscard]] Error count_problem(std::uint64_t wanted) const {
        return problem(
            fmt::format("does not have exactly {} elements where its shape {} needs them", wanted,
                        shape_text(tensor_.shape)));
    }

    void skip_spaces() {
        while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    }
    /// Skips white space and takes `c` if it comes next.
    bool take(char c) {
        skip_spaces();
        if (at_ >= text_.size() || text_[at_] != c) return false;
        ++at_;
        return true;
    }

    [[nodiscard]] bool is_nested() const {
        auto at = text_.find_first_not_of(" \t\r\n");
        if (at == std::string_view::npos) return false;
        at = text_.find_first_not_of(" \t\r\n", at + 1);
        return at != std::string_view::npos && text_[at] == '[';
    }

    Status read_nested(std::size_t level) {
        if (level >= tensor_.shape.size()) return problem("is nested deeper than its shape");
        const auto size = static_cast<std::uint64_t>(tensor_.shape[level]);
        if (level + 1 == tensor_.shape.size()) return read_leaf(size);
        if (!take('[')) return problem("is nested less than its shape, yet not flat");
        for (std::uint64_t i = 0; i < size; ++i) {
            if (i > 0 && !take(',')) return count_problem(size);
            TRY(read_nested(level + 1));
        }
        if (!take(']')) return count_problem(size);
        return {};
    }

    Status read_leaf(std::uint64_t size) {
        if (!take('[')) return problem("has data that is not a list");
        for (std::uint64_t i = 0; i < size; ++i) {
            if (i > 0 && !take(',')) return count_problem(size);
            if (tensor_.type == DataType::bytes) {
                TRY(read_text());
            } else if (!store_scalar()) {
                return problem(fmt::format("has an element {} that is missing or not a {}", index_,
                                           to_string(tensor_.type)));
            }
        }
        if (!take(']')) return count_problem(size);
        return {};
    }

    // The inner loop of large requests, so an Error is only built when there is one.
    bool store_scalar() {
        skip_spaces();
        auto end = at_;
        while (end < text_.size() && !ends_token(text_[end])) ++end;
        const auto token = text_.substr(at_, end - at_);
        auto* const place = tensor_.data.data() + index_ * element_size_;
        if (token.empty() || !store_(token, place)) return false;
        ++index_;
        at_ = end;
        return true;
    }

    Status read_text() {
        skip_spaces();
        if (at_ >= text_.size() || text_[at_] != '"')
            return problem("has an element that is not a string");
        const auto end = end_of_string(text_, at_);
        if (end == std::string_view::npos) return problem("has a string that does not end");
        const auto quoted = text_.substr(at_, end - at_);
        const auto inside = quoted.substr(1, quoted.size() - 2);
        at_ = end;
        if (is_plain(inside)) {
            tensor_.elements.emplace_back(inside);
            return {};
        }
        TRY(const auto value, parse_json(quoted, "string", {quoted.size(), 1}));
        if (!value.is_string()) return problem("has an element that is not a string");
        tensor_.elements.emplace_back(value.get_string());
        return {};
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t index_ = 0;
    Tensor& tensor_;
    const TensorJsonLimits& limits_;
    Store store_;
    std::size_t element_size_;
};

}  // namespace

Status read_tensor_data(std::string_view array, Tensor& tensor, const TensorJsonLimits& limits) {
    return ArrayReader(array, tensor, limits).read();
}

}  // namespace strandline::infer
