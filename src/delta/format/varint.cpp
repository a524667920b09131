#include "delta/format/varint.h"

#include <utility>

namespace strandline::delta {

void append_varint(Bytes& out, std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out.push_back(static_cast<std::byte>(value | 0x80));
    out.push_back(static_cast<std::byte>(value));
}

std::uint8_t FieldReader::byte() {
    const auto one = take(1);
    return one.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(one[0]);
}

std::uint64_t FieldReader::varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && ok_; shift += 7) {
        const std::uint64_t next = byte();
        const std::uint64_t bits = next & 0x7f;
        if (shift == 63 && bits > 1) break;
        value |= bits << shift;
        if (next < 0x80) return ok_ ? value : 0;
    }
    ok_ = false;
    return 0;
}

ByteSpan FieldReader::take(std::uint64_t count) {
    if (!ok_ || count > bytes_.size()) {
        ok_ = false;
        return {};
    }
    const auto taken = bytes_.first(static_cast<std::size_t>(count));
    bytes_ = bytes_.subspan(taken.size());
    return taken;
}

}  // namespace strandline::delta
