#include <algorithm>
#include <array>
#include <charconv>

#include "delta/layout/containers.h"
#include "delta/layout/reader.h"

// "\x93NUMPY", version, length of the header, the header (a Python literal), the data.
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
namespace strandline::delta {
namespace {

struct TypeCode {
    std::string_view code;
    ElementType type;
};
// Complex numbers are pairs of their halves; the collector then makes one axis of the shape.
constexpr std::array type_codes{
    TypeCode{"<f8", ElementType::f64}, TypeCode{"<f4", ElementType::f32},
    TypeCode{"<f2", ElementType::f16}, TypeCode{"<i8", ElementType::i64},
    TypeCode{"<u8", ElementType::i64}, TypeCode{"<i4", ElementType::i32},
    TypeCode{"<u4", ElementType::i32}, TypeCode{"<i2", ElementType::i16},
    TypeCode{"<u2", ElementType::i16}, TypeCode{"|i1", ElementType::i8},
    TypeCode{"|u1", ElementType::u8},  TypeCode{"|b1", ElementType::u8},
    TypeCode{"<c8", ElementType::f32}, TypeCode{"<c16", ElementType::f64},
};

/// What stands behind 'key': in the header, up to its end.
std::string_view value_of(std::string_view header, std::string_view key) {
    const auto at = header.find(key);
    if (at == std::string_view::npos) return {};
    const auto value = header.find_first_not_of(": '\"", at + key.size());
    return value == std::string_view::npos ? std::string_view{} : header.substr(value);
}

std::vector<std::uint64_t> read_shape(std::string_view text) {
    std::vector<std::uint64_t> shape;
    if (!text.starts_with('(')) return shape;
    text = text.substr(1, text.find(')') - 1);
    while (!text.empty() && shape.size() <= max_rank) {
        std::uint64_t axis = 0;
        const auto digits = std::min(text.find_first_not_of(" ,"), text.size());
        text.remove_prefix(digits);
        const auto parsed = std::from_chars(text.data(), text.data() + text.size(), axis);
        if (parsed.ec != std::errc{}) break;
        shape.push_back(axis);
        text.remove_prefix(static_cast<std::size_t>(parsed.ptr - text.data()));
    }
    return shape;
}

}  // namespace

bool read_npy(ByteSpan file, Collector& tensors) {
    if (!starts_with(file, "\x93NUMPY")) return false;
    Reader reader(file, 6);
    const auto major = reader.u8();
    reader.skip(1);
    const std::uint64_t length = major >= 2 ? reader.u32() : reader.u16();
    const auto header = as_text(reader.take(length));
    if (!reader.ok()) return true;
    const auto descr = value_of(header, "'descr'");
    const auto code = std::ranges::find_if(
        type_codes, [&](const TypeCode& entry) { return descr.starts_with(entry.code); });
    if (code == type_codes.end()) return true;
    Collector::Claim claim;
    claim.type = code->type;
    claim.shape = read_shape(value_of(header, "'shape'"));
    if (value_of(header, "'fortran_order'").starts_with("True")) {
        std::ranges::reverse(claim.shape);
    }
    claim.offset = reader.at();
    claim.bytes = reader.left();
    tensors.add(std::move(claim));
    return true;
}

}  // namespace strandline::delta
