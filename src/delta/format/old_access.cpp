#include "delta/format/old_access.h"

#include <algorithm>

namespace strandline::delta {

OldRange OldAccess::at(std::uint64_t begin) const {
    switch (kind) {
        case Kind::whole:
            break;
        case Kind::up: {
            const std::uint64_t first = std::min(begin, old_size);
            return {first, old_size - first};
        }
        case Kind::down:
            return {0, std::min(old_size, begin + segment_bytes)};
    }
    return {0, old_size};
}

OldAccess old_access(const DeltaInfo& info) {
    OldAccess access;
    access.old_size = info.old_size;
    access.segment_bytes = info.segment_bytes;
    if ((info.features & feature_in_place) != 0) {
        access.kind =
            (info.features & feature_downwards) != 0 ? OldAccess::Kind::down : OldAccess::Kind::up;
    }
    return access;
}

OldRange common_range(const OldRange& a, const OldRange& b) {
    const std::uint64_t begin = std::max(a.offset, b.offset);
    const std::uint64_t end = std::min(a.offset + a.length, b.offset + b.length);
    return begin < end ? OldRange{begin, end - begin} : OldRange{};
}

}  // namespace strandline::delta
