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
    // Products that do not wait for each other.
    for (std::size_t i = 0; i < anchor_bytes; ++i)
        value_ += (static_cast<std::uint64_t>(window[i]) + 1) * powers[anchor_bytes - 1 - i];
}

OldIndex::OldIndex(ByteSpan old_file, bool prefer_last)
    : OldIndex(old_file, std::vector<OldStretch>{{0, old_file.size()}}, prefer_last) {}

OldIndex::OldIndex(ByteSpan old_file, const std::vector<OldStretch>& stretches, bool prefer_last)
    : prefer_last_(prefer_last) {
    std::uint64_t total = 0;
    for (const auto& stretch : stretches) total += stretch.end - stretch.begin;
    // A table that fits the cache is worth more than the short matches a finer one would find.
    while (stride_ < max_quick_stride && total / stride_ >= quick_blocks) stride_ *= 2;
    while (total / stride_ >= max_blocks) stride_ *= 2;
    std::uint64_t blocks = 0;
    for (const auto& stretch : stretches) {
        const std::uint64_t length = stretch.end - stretch.begin;
        if (length < anchor_bytes) continue;
        stretches_.push_back({blocks, stretch.begin});
        blocks += (length - anchor_bytes) / stride_ + 1;
    }
    bits_ = static_cast<unsigned>(std::bit_width(2 * blocks + 1));
    table_.resize(std::size_t{1} << bits_);
    for (std::size_t i = 0; i < stretches_.size(); ++i) {
        const auto end = i + 1 < stretches_.size() ? stretches_[i + 1].first_block : blocks;
        for (auto block = stretches_[i].first_block; block < end; ++block)
            add(block, old_file.subspan(place_of(stretches_[i], block), anchor_bytes));
    }
}

void OldIndex::add(std::uint64_t block, ByteSpan window) {
    if (is_constant(window)) return;
    const auto slot = slot_of(RollingHash(window).value());
    // One of several equal places stays: others are reached by following the shift.
    if (table_[slot.at] == 0 || prefer_last_)
        table_[slot.at] = slot.tag << number_bits | static_cast<std::uint32_t>(block + 1);
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
    const std::uint64_t block = (entry & number_mask) - 1;
    const auto behind = std::ranges::upper_bound(stretches_, block, {}, &Stretch::first_block);
    return place_of(*(behind - 1), block);
}

}  // namespace strandline::delta
