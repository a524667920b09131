#pragma once

#include <cstdint>

namespace strandline::delta {

/// A stretch of the old file, in bytes.
struct OldRange {
    std::uint64_t offset = 0;
    std::uint64_t length = 0;

    friend bool operator==(const OldRange&, const OldRange&) = default;
};

[[nodiscard]] inline bool lies_within(const OldRange& range, const OldRange& outer) {
    return range.offset >= outer.offset && range.offset - outer.offset <= outer.length &&
           range.length <= outer.length - (range.offset - outer.offset);
}

}  // namespace strandline::delta
