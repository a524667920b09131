#include "delta/io.h"

#include <algorithm>

namespace strandline::delta {

Status MemoryReader::read_at(std::uint64_t offset, std::span<std::byte> out) const {
    if (offset > bytes_.size() || out.size() > bytes_.size() - offset) {
        return fail(Errc::corrupt, "read past the end of the data");
    }
    std::ranges::copy(bytes_.subspan(static_cast<std::size_t>(offset), out.size()), out.begin());
    return {};
}

ByteSpan MemoryReader::view(std::uint64_t offset, std::uint64_t length) const {
    if (offset > bytes_.size() || length > bytes_.size() - offset) return {};
    return bytes_.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(length));
}

Status MemoryWriter::write(ByteSpan bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return {};
}

Status MemoryWriter::write_at(std::uint64_t offset, ByteSpan bytes) {
    if (bytes_.size() < offset + bytes.size()) bytes_.resize(offset + bytes.size());
    std::ranges::copy(bytes, bytes_.begin() + static_cast<std::ptrdiff_t>(offset));
    return {};
}

Status MemoryWriter::truncate(std::uint64_t size) {
    if (size < bytes_.size()) bytes_.resize(static_cast<std::size_t>(size));
    return {};
}

}  // namespace strandline::delta
