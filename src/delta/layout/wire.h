#pragma once

#include <cstdint>
#include <optional>

#include "delta/layout/reader.h"

namespace strandline::delta {

/// One field of a protobuf message. https://protobuf.dev/programming-guides/encoding/
struct WireField {
    std::uint32_t number = 0;
    std::uint64_t value = 0;  ///< of a varint or a fixed-size field
    bool is_message = false;  ///< length-delimited: `bytes` holds it
    ByteSpan bytes;
};

/// The next field; nothing at the end or, with the reader failed, at what is no field.
[[nodiscard]] std::optional<WireField> next_field(Reader& reader);

/// A varint of up to 64 bits; fails the reader when it is longer.
[[nodiscard]] std::uint64_t read_wire_varint(Reader& reader);

}  // namespace strandline::delta
