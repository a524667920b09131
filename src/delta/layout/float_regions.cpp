#include "delta/layout/float_regions.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "delta/layout/float_blocks.h"
#include "delta/layout/reader.h"

namespace strandline::delta {
namespace {

/// Fewer are more likely to be chance than a layer.
constexpr std::uint64_t min_blocks = 3;
/// Farther from the mean exponent of the neighbouring block, a number does not belong to it.
constexpr int edge_distance = 12;

/// Blocks in a row that read as numbers on one grid.
struct Run {
    FloatGrid grid;
    std::uint64_t first = 0;  ///< blocks
    std::uint64_t last = 0;
    int first_exponent = 0;
    int last_exponent = 0;
    std::uint64_t good = 0;  ///< blocks that pass by themselves
};

class RegionFinder {
public:
    RegionFinder(ByteSpan bytes, WorkMeter& meter) : bytes_(bytes), meter_(meter) {}

    std::vector<FloatRegion> find() {
        constexpr std::uint64_t metered_blocks = metered_bytes / float_block_bytes;
        const std::uint64_t blocks = bytes_.size() / float_block_bytes;
        for (std::uint64_t block = 0; block < blocks; ++block) {
            look_at(block);
            if ((block + 1) % metered_blocks == 0 && !meter_.done(metered_bytes)) break;
        }
        close();
        return std::move(regions_);
    }

private:
    void look_at(std::uint64_t index) {
        const auto block = slice(bytes_, index * float_block_bytes, float_block_bytes);
        // Holes of sparse files.
        if (block[0] == std::byte{0} && std::memcmp(&block[0], &block[1], block.size() - 1) == 0)
            return;
        const auto found = classify_block(block, open_ ? std::optional(run_.grid) : std::nullopt);
        if (found.zeros) return;
        if (found.grid && open_ && *found.grid == run_.grid) {
            run_.last = index;
            run_.last_exponent = found.exponent;
            ++run_.good;
            odd_ = 0;
            return;
        }
        // One odd block does not end a run: small tables stand between layers.
        if (open_ && ++odd_ < 2) return;
        close();
        if (found.grid) {
            run_ = {*found.grid, index, index, found.exponent, found.exponent, 1};
            open_ = true;
            odd_ = 0;
        }
    }

    [[nodiscard]] bool belongs(std::uint64_t at, int exponent) const {
        const auto size = element_size(run_.grid.type);
        const auto found = exponent_of(run_.grid.type, slice(bytes_, at, size));
        return found && std::abs(*found - exponent) <= edge_distance;
    }

    void close() {
        if (!open_) return;
        open_ = false;
        if (run_.good < min_blocks) return;
        const std::uint64_t size = element_size(run_.grid.type);
        std::uint64_t begin = run_.first * float_block_bytes + run_.grid.phase;
        std::uint64_t end = (run_.last + 1) * float_block_bytes;
        end -= (end - begin) % size;
        // The last region went on over all of it, and is not to be walked through once more.
        if (end <= used_) return;
        while (begin < end && !belongs(begin, run_.first_exponent)) begin += size;
        while (begin >= used_ + size && belongs(begin - size, run_.first_exponent)) begin -= size;
        while (end - begin >= size && !belongs(end - size, run_.last_exponent)) end -= size;
        const std::uint64_t seen = end;
        while (end + size <= bytes_.size() && belongs(end, run_.last_exponent)) end += size;
        if (end - seen > float_block_bytes) static_cast<void>(meter_.done(end - seen));
        if (begin < used_) begin += (used_ - begin + size - 1) / size * size;
        if (begin >= end) return;
        regions_.push_back({run_.grid.type, begin, end - begin});
        used_ = end;
    }

    ByteSpan bytes_;
    WorkMeter& meter_;
    std::vector<FloatRegion> regions_;
    std::uint64_t used_ = 0;  ///< where the last region ends
    Run run_;
    bool open_ = false;
    int odd_ = 0;
};

}  // namespace

std::vector<FloatRegion> find_float_regions(ByteSpan bytes) {
    WorkMeter meter;
    return find_float_regions(bytes, meter);
}

std::vector<FloatRegion> find_float_regions(ByteSpan bytes, WorkMeter& meter) {
    return RegionFinder(bytes, meter).find();
}

void add_in_pieces(const FloatRegion& region, Collector& tensors) {
    for (std::uint64_t at = 0; at < region.bytes; at += region_piece_bytes) {
        Collector::Claim piece;
        piece.type = region.type;
        piece.offset = region.offset + at;
        piece.bytes = std::min(region_piece_bytes, region.bytes - at);
        tensors.add(std::move(piece));
    }
}

}  // namespace strandline::delta
