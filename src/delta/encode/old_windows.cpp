#include "delta/encode/old_windows.h"

#include <algorithm>
#include <map>

#include "delta/format/old_access.h"

namespace strandline::delta {
namespace {

// Bytes around the matches of a shift that are taken, too.
constexpr std::uint64_t margin_bytes = 4096;
// Places with fewer matched bytes are left out.
constexpr std::uint64_t min_votes = 64;
constexpr std::size_t max_places = 6;

struct Place {
    std::uint64_t votes = 0;
    std::uint64_t begin = UINT64_MAX;
    std::uint64_t end = 0;
};

std::uint64_t below(std::uint64_t value, std::uint64_t amount) {
    return value > amount ? value - amount : 0;
}

OldRange clipped(std::uint64_t begin, std::uint64_t end, std::uint64_t old_size) {
    end = std::min(end, old_size);
    return begin < end ? OldRange{begin, end - begin} : OldRange{};
}

// Old stretches that the block's matches lie in, the one with most matched bytes first.
std::vector<Place> voted_places(const WindowRequest& request) {
    std::map<std::uint64_t, Place> by_shift;
    for (const auto& match : request.matches) {
        if (match.end() <= request.begin || match.new_offset >= request.end) continue;
        auto& place = by_shift[match.shift()];
        place.votes += match.length;
        place.begin = std::min(place.begin, match.old_offset);
        place.end = std::max(place.end, match.old_offset + match.length);
    }
    std::vector<Place> places;
    for (const auto& [shift, place] : by_shift) {
        if (place.votes >= min_votes) places.push_back(place);
    }
    std::ranges::stable_sort(places, std::ranges::greater{}, &Place::votes);
    if (places.size() > max_places) places.resize(max_places);
    return places;
}

// The stretch at the expected shift, as wide as allowed and about the middle of the block.
OldRange expected_place(const WindowRequest& request, std::uint64_t budget) {
    const std::uint64_t length = request.end - request.begin;
    std::uint64_t start = request.begin + request.shift;
    if (start > request.old_size) start = below(request.old_size, length);
    const std::uint64_t spare = budget > length ? (budget - length) / 2 : 0;
    const std::uint64_t begin = below(start, spare);
    return clipped(begin, begin + budget, request.old_size);
}

void merge_overlaps(std::vector<OldRange>& windows) {
    std::ranges::sort(windows, {}, &OldRange::offset);
    std::vector<OldRange> merged;
    for (const auto& window : windows) {
        if (window.length == 0) continue;
        if (merged.empty() || merged.back().offset + merged.back().length < window.offset) {
            merged.push_back(window);
            continue;
        }
        auto& last = merged.back();
        last.length =
            std::max(last.offset + last.length, window.offset + window.length) - last.offset;
    }
    windows = std::move(merged);
}

std::vector<OldRange> wanted_windows(const WindowRequest& request) {
    if (request.old_size == 0 || request.max_bytes == 0) return {};
    if (request.old_size <= request.max_bytes) return {{0, request.old_size}};
    std::vector<OldRange> windows;
    std::uint64_t budget = request.max_bytes;
    for (const auto& place : voted_places(request)) {
        const std::uint64_t begin = below(place.begin, margin_bytes);
        const auto window = clipped(begin, std::min(place.end + margin_bytes, begin + budget / 2),
                                    request.old_size);
        windows.push_back(window);
        budget -= window.length;
    }
    windows.push_back(expected_place(request, budget));
    merge_overlaps(windows);
    return windows;
}

}  // namespace

std::vector<OldRange> choose_windows(const WindowRequest& request) {
    auto windows = wanted_windows(request);
    for (auto& window : windows) window = common_range(window, request.at_hand);
    std::erase_if(windows, [](const OldRange& window) { return window.length == 0; });
    return windows;
}

}  // namespace strandline::delta
