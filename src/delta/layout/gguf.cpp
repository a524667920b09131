#include <algorithm>

#include "delta/layout/containers.h"
#include "delta/layout/reader.h"

// Header, typed key-value pairs, tensor descriptions, padding, data.
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 2 and 3.
namespace strandline::delta {
namespace {

constexpr std::uint32_t string_type = 8;
constexpr std::uint32_t array_type = 9;
constexpr int max_nesting = 4;

/// Bytes of a value of fixed size, 0 for other types.
unsigned value_bytes(std::uint32_t type) {
    switch (type) {
        case 0:  // uint8
        case 1:  // int8
        case 7:  // bool
            return 1;
        case 2:  // uint16
        case 3:  // int16
            return 2;
        case 4:  // uint32
        case 5:  // int32
        case 6:  // float32
            return 4;
        case 10:  // uint64
        case 11:  // int64
        case 12:  // float64
            return 8;
        default:
            return 0;
    }
}

ElementType element_type(std::uint32_t type) {
    switch (type) {
        case 0:
            return ElementType::f32;
        case 1:
            return ElementType::f16;
        case 24:
            return ElementType::i8;
        case 25:
            return ElementType::i16;
        case 26:
            return ElementType::i32;
        case 27:
            return ElementType::i64;
        case 28:
            return ElementType::f64;
        case 30:
            return ElementType::bf16;
        default:
            return ElementType::opaque;  // blocks of quantised numbers
    }
}

ByteSpan read_string(Reader& reader) { return reader.take(reader.u64()); }

void skip_value(Reader& reader, std::uint32_t type, int nesting) {
    if (type == string_type) {
        read_string(reader);
        return;
    }
    if (const auto bytes = value_bytes(type); bytes > 0) {
        reader.skip(bytes);
        return;
    }
    if (type != array_type || nesting == 0) {
        reader.fail();
        return;
    }
    const auto inner = reader.u32();
    const auto count = reader.u64();
    if (const auto bytes = value_bytes(inner); bytes > 0) {
        if (count > reader.left() / bytes) reader.fail();
        reader.skip(count * bytes);
        return;
    }
    // Each string or array is at least 8 bytes long, which bounds the number of steps.
    for (std::uint64_t i = 0; i < count && reader.ok(); ++i) skip_value(reader, inner, nesting - 1);
}

/// Steps over the key-value pairs; returns the alignment of the data, 0 when it is senseless.
std::uint64_t read_alignment(Reader& reader, std::uint64_t pairs) {
    std::uint64_t alignment = 32;
    for (std::uint64_t i = 0; i < pairs && reader.ok(); ++i) {
        const auto key = as_text(read_string(reader));
        const auto type = reader.u32();
        if (key == "general.alignment" && type == 4) {
            alignment = reader.u32();
        } else {
            skip_value(reader, type, max_nesting);
        }
    }
    return alignment;
}

Collector::Claim read_tensor(Reader& reader) {
    Collector::Claim claim;
    claim.name = as_text(read_string(reader));
    const auto rank = reader.u32();
    if (rank > max_rank) reader.fail();
    for (std::uint32_t i = 0; i < rank && reader.ok(); ++i) claim.shape.push_back(reader.u64());
    std::ranges::reverse(claim.shape);  // written innermost first
    claim.type = element_type(reader.u32());
    claim.offset = reader.u64();
    return claim;
}

}  // namespace

bool read_gguf(ByteSpan file, Collector& tensors) {
    if (!starts_with(file, "GGUF")) return false;
    Reader reader(file, 4);
    const auto version = reader.u32();
    if (version != 2 && version != 3) return true;
    const auto count = reader.u64();
    const auto pairs = reader.u64();
    const auto alignment = read_alignment(reader, pairs);
    std::vector<Collector::Claim> claims;
    for (std::uint64_t i = 0; i < count && reader.ok() && claims.size() < max_tensors; ++i) {
        auto claim = read_tensor(reader);
        if (reader.ok()) claims.push_back(std::move(claim));
    }
    if (!reader.ok() || alignment == 0) return true;
    const std::uint64_t data = (reader.at() + alignment - 1) / alignment * alignment;
    std::ranges::stable_sort(claims, {}, &Collector::Claim::offset);
    for (std::size_t i = 0; i < claims.size(); ++i) {
        auto& claim = claims[i];
        if (data > file.size() || claim.offset > file.size() - data) break;
        claim.offset += data;
        if (claim.type == ElementType::opaque) {
            // The size of a block depends on the type; up to the next tensor is right for all.
            const auto next = i + 1 < claims.size() ? claims[i + 1].offset : file.size() - data;
            claim.bytes = std::min<std::uint64_t>(next, file.size() - data) + data - claim.offset;
        }
        tensors.add(std::move(claim));
    }
    return true;
}

}  // namespace strandline::delta
