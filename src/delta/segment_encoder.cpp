#include "delta/segment_encoder.h"

#include <algorithm>
#include <vector>

namespace strandline::delta {
namespace {

// Shifts at which a block's old values are looked for.
constexpr std::size_t max_shifts = 6;
// A shift must explain this many bytes of short matches to be looked at.
constexpr std::uint64_t min_shift_votes = 96;

// The matches within [begin, end) of a sorted list.
std::span<const Match> matches_within(const std::vector<Match>& matches, std::uint64_t begin,
                                      std::uint64_t end) {
    const auto first = std::ranges::lower_bound(matches, begin, {}, &Match::new_offset);
    const auto last = std::ranges::lower_bound(matches, end, {}, &Match::new_offset);
    return {first, last};
}

// Shifts by the bytes of the matches that have them, the most first.
std::vector<std::uint64_t> voted_shifts(std::span<const Match> matches) {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> votes;  // shift, bytes
    votes.reserve(matches.size());
    for (const auto& match : matches) votes.emplace_back(match.shift(), match.length);
    std::ranges::sort(votes);
    std::vector<std::pair<std::uint64_t, std::uint64_t>> sums;
    for (const auto& [shift, bytes] : votes) {
        if (sums.empty() || sums.back().first != shift) sums.emplace_back(shift, 0);
        sums.back().second += bytes;
    }
    std::erase_if(sums, [](const auto& sum) { return sum.second < min_shift_votes; });
    std::ranges::stable_sort(sums,
                             [](const auto& a, const auto& b) { return a.second > b.second; });
    std::vector<std::uint64_t> shifts;
    shifts.reserve(sums.size());
    for (const auto& [shift, bytes] : sums) shifts.push_back(shift);
    return shifts;
}

// Whether a match of the segment [begin, end) gets a record of its own.
bool is_copy(const Match& match, std::uint64_t begin, std::uint64_t end) {
    return match.length == end - begin || match.length >= min_copy_bytes;
}

}  // namespace

// A copy or a fill that gets a record of its own.
struct SegmentEncoder::Region {
    std::uint64_t begin = 0;
    std::uint64_t length = 0;
    bool fill = false;
    std::uint64_t old_offset = 0;
};

SegmentEncoder::SegmentEncoder(ByteSpan old_file, ByteSpan new_file, const BlockLimits& limits,
                               std::function<bool()> cancelled,
                               const std::vector<TensorPart>& parts)
    : old_file_(old_file),
      new_file_(new_file),
      limits_(limits),
      cancelled_(std::move(cancelled)),
      parts_(&parts),
      blocks_(old_file, new_file, limits) {}

SegmentPlan SegmentScout::next(std::uint64_t begin, std::uint64_t end) {
    SegmentPlan plan{begin, end, finder_.find(begin, end), shift_};
    for (const auto& match : plan.found.matches) {
        if (is_copy(match, begin, end)) shift_ = match.shift();
    }
    return plan;
}

Result<Bytes> SegmentEncoder::encode(const SegmentPlan& plan) {
    const auto& [begin, end, found, shift] = plan;
    last_shift_ = shift;
    std::vector<Region> regions;
    for (const auto& match : found.matches) {
        if (is_copy(match, begin, end))
            regions.push_back({match.new_offset, match.length, false, match.old_offset});
    }
    for (const auto& fill : found.fills) regions.push_back({fill.new_offset, fill.length, true, 0});
    std::ranges::sort(regions, {}, &Region::begin);

    Bytes out;
    blocks_.begin_segment();
    cursor_ = {};
    std::uint64_t at = begin;
    for (const auto& region : regions) {
        const std::uint64_t next_shift =
            region.fill ? last_shift_ : region.old_offset - region.begin;
        TRY(encode_gap(at, region.begin, found, next_shift, out));
        append_region(region, out);
        at = region.begin + region.length;
    }
    TRY(encode_gap(at, end, found, last_shift_, out));
    return out;
}

void SegmentEncoder::append_region(const Region& region, Bytes& out) {
    if (region.fill) {
        append_fill(out, new_file_[region.begin], region.length);
        filled_bytes_ += region.length;
        return;
    }
    append_copy(out, {region.old_offset, region.length}, cursor_.expected(region.begin));
    cursor_.moved(region.begin, region.old_offset);
    last_shift_ = region.old_offset - region.begin;
    copied_bytes_ += region.length;
}

// Cuts at the borders of tensors.
Status SegmentEncoder::encode_gap(std::uint64_t begin, std::uint64_t end, const Findings& found,
                                  std::uint64_t next_shift, Bytes& out) {
    if (begin >= end) return {};
    if (cut_after(begin, end) == end) {
        return encode_stretch(begin, end, found, next_shift, out);
    }
    const auto before = blocks_.state();
    const std::size_t start = out.size();
    for (std::uint64_t at = begin; at < end;) {
        const std::uint64_t stop = cut_after(at, end);
        TRY(encode_stretch(at, stop, found, next_shift, out));
        at = stop;
    }
    // Cuts cost something: where bytes only moved, one record may be better.
    const std::size_t size = out.size() - start;
    if (end - begin <= limits_.block_bytes && size < (end - begin) / 2) {
        Bytes whole;
        const Gap gap = gap_of(begin, end, found, next_shift);
        if (blocks_.encode_whole(gap, cursor_, before, size, whole)) {
            out.resize(start);
            out.insert(out.end(), whole.begin(), whole.end());
        }
    }
    return {};
}

// Where the tensor, or what is between two, ends.
std::uint64_t SegmentEncoder::cut_after(std::uint64_t at, std::uint64_t end) const {
    const TensorPart* part = part_at(*parts_, at);
    if (part == nullptr) return end;
    return std::min(end, part->begin > at ? part->begin : part->end);
}

Gap SegmentEncoder::gap_of(std::uint64_t begin, std::uint64_t end, const Findings& found,
                           std::uint64_t next_shift) const {
    Gap gap;
    gap.begin = begin;
    gap.end = end;
    gap.matches = matches_within(found.matches, begin, end);
    gap.shifts = shifts_for(gap.matches, next_shift);
    return gap;
}

Status SegmentEncoder::encode_stretch(std::uint64_t begin, std::uint64_t end, const Findings& found,
                                      std::uint64_t next_shift, Bytes& out) {
    const TensorPart* part = part_at(*parts_, begin);
    if (part != nullptr && part->begin > begin) part = nullptr;
    while (begin < end) {
        if (cancelled_ && cancelled_())
            return fail(Errc::cancelled, "making the delta was cancelled");
        Gap gap = gap_of(begin, std::min<std::uint64_t>(end, begin + limits_.block_bytes), found,
                         next_shift);
        gap.part = part;
        blocks_.encode(gap, cursor_, out);
        begin = gap.end;
    }
    return {};
}

void SegmentEncoder::add_shift(std::vector<std::uint64_t>& shifts, std::uint64_t shift) const {
    if (old_file_.empty() || shifts.size() >= max_shifts) return;
    if (std::ranges::find(shifts, shift) == shifts.end()) shifts.push_back(shift);
}

std::vector<std::uint64_t> SegmentEncoder::shifts_for(std::span<const Match> matches,
                                                      std::uint64_t next_shift) const {
    std::vector<std::uint64_t> shifts;
    add_shift(shifts, last_shift_);
    add_shift(shifts, next_shift);
    add_shift(shifts, 0);
    add_shift(shifts, old_file_.size() - new_file_.size());  // both files aligned at their ends
    for (const auto shift : voted_shifts(matches)) add_shift(shifts, shift);
    return shifts;
}

}  // namespace strandline::delta
