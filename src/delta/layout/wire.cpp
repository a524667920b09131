#include "delta/layout/wire.h"

namespace strandline::delta {

std::uint64_t read_wire_varint(Reader& reader) {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        const std::uint64_t byte = reader.u8();
        value |= (byte & 0x7f) << shift;
        if (byte < 0x80) return value;
    }
    reader.fail();
    return 0;
}

std::optional<WireField> next_field(Reader& reader) {
    if (!reader.ok() || reader.left() == 0) return std::nullopt;
    const auto tag = read_wire_varint(reader);
    WireField field;
    field.number = static_cast<std::uint32_t>(tag >> 3);
    if (tag > UINT32_MAX || field.number == 0) reader.fail();
    switch (tag & 7) {
        case 0:
            field.value = read_wire_varint(reader);
            break;
        case 1:
            field.value = reader.u64();
            break;
        case 2: {
            const auto length = read_wire_varint(reader);
            field.is_message = true;
            field.bytes = reader.take(length);
            break;
        }
        case 5:
            field.value = reader.u32();
            break;
        default:  // groups are not used by any model format
            reader.fail();
    }
    if (!reader.ok()) return std::nullopt;
    return field;
}

}  // namespace strandline::delta
