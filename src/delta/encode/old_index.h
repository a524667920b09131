#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "delta/encode/known_spans.h"

namespace strandline::delta {

/// Bytes that an anchor of the index covers.
inline constexpr std::size_t anchor_bytes = 32;

/// Polynomial hash of `anchor_bytes` bytes that can be moved on by one byte (Rabin, Karp,
/// "Efficient randomized pattern-matching algorithms", 1987; here modulo 2^64, as collisions are
/// checked).
class RollingHash {
public:
    /// `window` holds anchor_bytes bytes.
    explicit RollingHash(ByteSpan window);
    void roll(std::byte leaving, std::byte entering) {
        value_ = value_ * multiplier + static_cast<std::uint64_t>(entering) + 1 -
                 (static_cast<std::uint64_t>(leaving) + 1) * leaving_factor;
    }
    [[nodiscard]] std::uint64_t value() const { return value_; }

private:
    static constexpr std::uint64_t multiplier = 0x9e3779b97f4a7c15;  // 2^64 / golden ratio, odd
    static constexpr std::uint64_t power(std::uint64_t base, std::size_t exponent) {
        return exponent == 0 ? 1 : base * power(base, exponent - 1);
    }
    static const std::array<std::uint64_t, anchor_bytes> powers;
    static const std::uint64_t leaving_factor;

    std::uint64_t value_ = 0;
};

inline constexpr std::uint64_t RollingHash::leaving_factor = power(multiplier, anchor_bytes);
inline constexpr std::array<std::uint64_t, anchor_bytes> RollingHash::powers = [] {
    std::array<std::uint64_t, anchor_bytes> result{};
    for (std::size_t i = 0; i < anchor_bytes; ++i) result[i] = power(multiplier, i);
    return result;
}();

/// Finds places of the old file by the hash of the bytes there. Knows one place in every `stride`,
/// with a stride that keeps the table within 16 MiB for any file.
class OldIndex {
public:
    /// Of all of the old file; borrowed. Of several equal places it knows the first or the last
    /// one.
    explicit OldIndex(ByteSpan old_file, bool prefer_last = false);
    /// Only of these stretches of it, sorted; the table has room for them alone.
    OldIndex(ByteSpan old_file, const std::vector<OldStretch>& stretches, bool prefer_last = false);

    /// A place that has this hash, or nearly: the caller compares the bytes.
    [[nodiscard]] std::optional<std::uint64_t> find(std::uint64_t hash) const;
    [[nodiscard]] std::size_t stride() const { return stride_; }

private:
    // Blocks are numbered through all stretches.
    struct Stretch {
        std::uint64_t first_block = 0;
        std::uint64_t begin = 0;
    };
    [[nodiscard]] std::uint64_t place_of(const Stretch& stretch, std::uint64_t block) const {
        return stretch.begin + (block - stretch.first_block) * stride_;
    }
    void add(std::uint64_t block, ByteSpan window);
    struct Slot {
        std::size_t at;
        std::uint32_t tag;
    };
    [[nodiscard]] Slot slot_of(std::uint64_t hash) const;

    bool prefer_last_;
    std::vector<Stretch> stretches_;
    std::size_t stride_ = anchor_bytes;
    unsigned bits_ = 0;
    std::vector<std::uint32_t> table_;  // 0 is free; else tag and block number + 1
};

}  // namespace strandline::delta
