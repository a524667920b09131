#include "delta/coder/mixed_coder.h"

#include "delta/format/varint.h"

namespace strandline::delta {

void encode_mixed_block(ByteSpan block, const number::ByteGrid& grid, number::ByteMixer& mixer,
                        Bytes& out) {
    append_varint(out, grid.columns);
    out.push_back(static_cast<std::byte>(grid.centre));
    mixer.encode(block, grid, out);
}

Status decode_mixed_block(ByteSpan payload, ByteSpan old, number::ByteMixer& mixer,
                          std::span<std::byte> block) {
    FieldReader in(payload);
    const std::uint64_t columns = in.varint();
    number::ByteGrid grid;
    grid.centre = in.byte();
    if (!in.ok() || columns == 0 || columns > number::max_byte_columns ||
        (!old.empty() && old.size() != block.size()))
        return fail(Errc::corrupt, "delta has a malformed block of mixed bytes");
    grid.columns = static_cast<std::size_t>(columns);
    grid.old = old;
    return mixer.decode(in.rest(), grid, block);
}

}  // namespace strandline::delta
