#include "delta/layout/onnx_tensor.h"

#include "delta/layout/wire.h"

namespace strandline::delta {
namespace {

// Fields of a TensorProto.
constexpr std::uint32_t dims_field = 1;
constexpr std::uint32_t type_field = 2;
constexpr std::uint32_t float_field = 4;
constexpr std::uint32_t name_field = 8;
constexpr std::uint32_t raw_field = 9;
constexpr std::uint32_t double_field = 10;

ElementType element_type(std::uint64_t type) {
    switch (type) {
        case 1:
            return ElementType::f32;
        case 2:  // uint8
        case 9:  // bool
            return ElementType::u8;
        case 3:
            return ElementType::i8;
        case 4:  // uint16
        case 5:
            return ElementType::i16;
        case 6:  // int32
        case 12:
            return ElementType::i32;
        case 7:  // int64
        case 13:
            return ElementType::i64;
        case 10:
            return ElementType::f16;
        case 11:
            return ElementType::f64;
        case 16:
            return ElementType::bf16;
        default:
            return ElementType::opaque;  // 8-bit floats, 4-bit integers, text, complex
    }
}

void read_dims(const WireField& field, std::vector<std::uint64_t>& shape) {
    const auto add = [&shape](std::uint64_t axis) {
        if (shape.size() <= max_rank) shape.push_back(axis);
    };
    if (!field.is_message) return add(field.value);
    for (Reader packed(field.bytes); packed.ok() && packed.left() > 0;) {
        add(read_wire_varint(packed));
    }
}

}  // namespace

Collector::Claim read_onnx_tensor(ByteSpan file, ByteSpan message, std::string_view name) {
    Collector::Claim claim;
    claim.name = name;
    ByteSpan data;
    Reader reader(message);
    while (const auto field = next_field(reader)) {
        switch (field->number) {
            case dims_field:
                read_dims(*field, claim.shape);
                break;
            case type_field:
                claim.type = element_type(field->value);
                break;
            case name_field:
                if (!field->bytes.empty()) claim.name = as_text(field->bytes);
                break;
            case float_field:  // packed: the same bytes as raw data
            case double_field:
            case raw_field:
                if (field->bytes.size() > data.size()) data = field->bytes;
                break;
            default:
                break;
        }
    }
    if (data.empty()) return claim;
    claim.offset = offset_in(file, data);
    claim.bytes = data.size();
    return claim;
}

}  // namespace strandline::delta
