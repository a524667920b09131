#include "delta/encode/old_index.h"

#include <algorithm>
#include <bit>

namespace strandline::delta {
namespace {

constexpr std::uint64_t mixer =
    0xff51afd7ed558ccd;               // odd, well spread bits (MurmurHash3 finaliser)
constexpr unsigned number_bits = 22;  // of a block number + 1
constexpr unsigned tag_bits = 32 - number_bits;
constexpr std::size_t max_blocks = std::size_t{1} << (number_bits - 1);
constexpr std::size_t quick_blocks = std::size_t{1} << 19;
constexpr std::size_t max_quick_stride = 256;
constexpr std::uint32_t number_mask = (std::uint32_t{1} << number_bits) - 1;

bool is_constant(ByteSpan window) {
    return std::ranges::all_of(window, [&](std::byte byte) { return byte == window[0]; });
}

}  // namespace

RollingHash::RollingHash(ByteSpan window) {
    for (const auto byte : window.first(anchor_bytes)) {
        value_ = value_ * multiplier + static_cast<std::uint64_t>(byte) + 1;
    }
}

OldIndex::OldIndex(ByteSpan old_file, bool prefer_last) {
    // A table that fits the cache is worth more than the short matches a finer one would find.
    while (stride_ < max_quick_stride && old_file.size() / stride_ >= quick_blocks) stride_ *= 2;
    while (old_file.size() / stride_ >= max_blocks) stride_ *= 2;
    const std::size_t blocks =
        old_file.size() < anchor_bytes ? 0 : (old_file.size() - anchor_bytes) / stride_ + 1;
    bits_ = static_cast<unsigned>(std::bit_width(2 * blocks + 1));
    table_.resize(std::size_t{1} << bits_);
    for (std::size_t block = 0; block < blocks; ++block) {
        const auto window = old_file.subspan(block * stride_, anchor_bytes);
        if (is_constant(window)) continue;
        const auto slot = slot_of(RollingHash(window).value());
        // One of several equal places stays: others are reached by following the shift.
        if (table_[slot.at] == 0 || prefer_last) {
            table_[slot.at] = slot.tag << number_bits | static_cast<std::uint32_t>(block + 1);
        }
    }
}

OldIndex::Slot OldIndex::slot_of(std::uint64_t hash) const {
    const std::uint64_t mixed = (hash ^ hash >> 29) * mixer;
    return {static_cast<std::size_t>(mixed >> (64 - bits_)),
            static_cast<std::uint32_t>(mixed & ((1u << tag_bits) - 1))};
}

std::optional<std::uint64_t> OldIndex::find(std::uint64_t hash) const {
    const auto slot = slot_of(hash);
    const std::uint32_t entry = table_[slot.at];
    if (entry == 0 || entry >> number_bits != slot.tag) return std::nullopt;
    return std::uint64_t{(entry & number_mask) - 1} * stride_;
}

}  // namespace strandline::delta
