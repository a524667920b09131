#include "delta/encode/segment_encoder.h"

#include <algorithm>
#include <vector>

#include "delta/encode/lzma_models.h"
#include "delta/encode/progress.h"

namespace strandline::delta {
namespace {

// Shifts at which a block's old values are looked for.
constexpr std::size_t max_shifts = 6;
// Copies within a gap that are worth a step of a script.
constexpr std::uint64_t min_short_copy_bytes = 256;
// Gaps so short are not looked at for numbers.
constexpr std::uint64_t small_gap_bytes = 4u << 10;
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

ScriptLimits script_limits(const BlockLimits& limits) {
    ScriptLimits script;
    script.literal_bytes = limits.block_bytes;
    script.reference_bytes = limits.reference_bytes;
    script.enabled = limits.scripts;
    return script;
}

// Whether a match of the segment [begin, end) gets a record of its own.
bool is_copy(const Match& match, std::uint64_t begin, std::uint64_t end) {
    return match.length == end - begin || match.length >= min_copy_bytes;
}

// Of the block that starts at `begin`. Views know whole numbers only, so what segments cut of one
// is a block of its own.
std::uint64_t block_length(std::uint64_t begin, std::uint64_t end, const TensorPart* part,
                           std::uint64_t most) {
    const std::uint64_t length = std::min(end - begin, most);
    if (part == nullptr || !part->view) return length;
    const std::uint64_t one = element_size(part->type);
    const std::uint64_t cut = (begin - part->begin) % one;
    if (cut != 0) return std::min(length, one - cut);
    return length < one ? length : length / one * one;
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
                               std::function<bool(std::uint64_t)> report, const TensorPlan& plan,
                               KindHabits& habits)
    : old_file_(old_file),
      new_file_(new_file),
      limits_(limits),
      report_(std::move(report)),
      parts_(&plan.parts),
      blocks_(
          old_file, new_file, limits, [this] { return !go_on(0); }, plan.kinds, habits),
      script_(old_file, new_file, script_limits(limits), [this] { return !go_on(0); }) {}

// What is coded once more is not counted again.
bool SegmentEncoder::go_on(std::uint64_t bytes) {
    if (!stopped_ && report_) stopped_ = !report_(all_literals_ ? 0 : bytes);
    return !stopped_;
}

SegmentPlan SegmentScout::next(std::uint64_t begin, std::uint64_t end) {
    const auto at_hand = access_.at(begin);
    SegmentPlan plan{begin, end, finder_.find(begin, end, at_hand), shift_, at_hand};
    for (const auto& match : plan.found.matches) {
        if (is_copy(match, begin, end)) shift_ = match.shift();
    }
    return plan;
}

Result<Bytes> SegmentEncoder::encode(const SegmentPlan& plan) {
    const auto& [begin, end, found, shift, at_hand] = plan;
    blocks_.set_at_hand(at_hand);
    script_.set_at_hand(at_hand);
    last_shift_ = shift;
    std::vector<Region> regions;
    for (const auto& match : found.matches) {
        if (is_copy(match, begin, end))
            regions.push_back({match.new_offset, match.length, false, match.old_offset});
    }
    for (const auto& fill : found.fills) regions.push_back({fill.new_offset, fill.length, true, 0});
    std::ranges::sort(regions, {}, &Region::begin);

    const auto totals = blocks_.totals();
    const auto script_totals = script_.totals();
    TRY(Bytes best, encode_regions(begin, end, found, regions));
    if (!literals_may_win()) return best;
    const auto totals_after = blocks_.totals();
    const auto script_totals_after = script_.totals();
    last_shift_ = shift;
    blocks_.set_totals(totals);
    script_.set_totals(script_totals);
    all_literals_ = true;
    auto other = encode_regions(begin, end, found, regions);
    all_literals_ = false;
    TRY(Bytes literal, std::move(other));
    // LZMA takes longer to read than numbers.
    if (literal.size() + literal.size() / 100 < best.size()) return literal;
    blocks_.set_totals(totals_after);
    script_.set_totals(script_totals_after);
    return best;
}

Result<Bytes> SegmentEncoder::encode_regions(std::uint64_t begin, std::uint64_t end,
                                             const Findings& found,
                                             const std::vector<Region>& regions) {
    number_bytes_ = number_record_bytes_ = 0;
    number_sample_.clear();
    blocks_.begin_segment();
    script_.begin_segment(begin, end);
    cursor_ = {};
    std::uint64_t at = begin;
    for (const auto& region : regions) {
        const std::uint64_t next_shift =
            region.fill ? last_shift_ : region.old_offset - region.begin;
        TRY(encode_gap(at, region.begin, found, next_shift));
        add_region(region);
        if (!go_on(region.length)) return was_cancelled();
        at = region.begin + region.length;
    }
    TRY(encode_gap(at, end, found, last_shift_));
    Bytes out;
    script_.end_segment(out);
    if (!go_on(0)) return was_cancelled();
    return out;
}

// Each tensor alone may be better off as numbers, and all together not.
bool SegmentEncoder::literals_may_win() {
    // Matches between tensors are there where there are some within one.
    constexpr double allowance = 1.06;
    constexpr double dense_share = 0.7;
    constexpr std::size_t probe_bytes = 24u << 10;
    if (!limits_.scripts || number_bytes_ == 0) return false;
    const double share =
        static_cast<double>(number_record_bytes_) / static_cast<double>(number_bytes_);
    return lzma_may_reach(number_sample_, probe_bytes,
                          share * (share < dense_share ? allowance : 1.0));
}

void SegmentEncoder::add_region(const Region& region) {
    if (!region.fill) return add_copy(region.begin, region.length, region.old_offset);
    records_.clear();
    append_fill(records_, new_file_[region.begin], region.length);
    script_.records(region.length, records_);
}

void SegmentEncoder::add_copy(std::uint64_t begin, std::uint64_t length, std::uint64_t old_offset) {
    script_.copy(length, old_offset);
    cursor_.moved(begin, old_offset);
    last_shift_ = old_offset - begin;
}

// Cuts at the borders of tensors.
Status SegmentEncoder::encode_gap(std::uint64_t begin, std::uint64_t end, const Findings& found,
                                  std::uint64_t next_shift) {
    if (!limits_.scripts && begin < end && encode_whole(begin, end, found, next_shift)) return {};
    for (std::uint64_t at = begin; at < end;) {
        const std::uint64_t stop = cut_after(at, end);
        TRY(encode_stretch(at, stop, found, next_shift));
        at = stop;
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

// What is the same as in the old file, though short, is copied; the rest is coded.
Status SegmentEncoder::encode_stretch(std::uint64_t begin, std::uint64_t end, const Findings& found,
                                      std::uint64_t next_shift) {
    const TensorPart* part = part_at(*parts_, begin);
    if (part != nullptr && part->begin > begin) part = nullptr;
    if (part != nullptr && part->old_begin) {
        const std::uint64_t old_begin = *part->old_begin + (begin - part->begin);
        if (std::ranges::equal(new_file_.subspan(begin, end - begin),
                               old_file_.subspan(old_begin, end - begin))) {
            add_copy(begin, end - begin, old_begin);
            return {};
        }
    }
    if (!limits_.scripts) return encode_blocks(begin, end, found, next_shift, part);
    std::uint64_t at = begin;
    for (const auto& match : matches_within(found.matches, begin, end)) {
        const std::uint64_t length = std::min(match.end(), end) - match.new_offset;
        // Numbers are not torn apart for a few equal ones.
        const std::uint64_t wanted = part != nullptr ? end - begin : min_short_copy_bytes;
        if (length < wanted) continue;
        TRY(encode_blocks(at, match.new_offset, found, next_shift, part));
        add_copy(match.new_offset, length, match.old_offset);
        at = match.new_offset + length;
    }
    return encode_blocks(at, end, found, next_shift, part);
}

Status SegmentEncoder::encode_blocks(std::uint64_t begin, std::uint64_t end, const Findings& found,
                                     std::uint64_t next_shift, const TensorPart* part) {
    while (begin < end) {
        const auto length = block_length(begin, end, part, limits_.block_bytes);
        records_.clear();
        bool literal =
            limits_.scripts && (all_literals_ || (part == nullptr && length <= small_gap_bytes));
        if (!literal) {
            Gap gap = gap_of(begin, begin + length, found, next_shift);
            gap.part = part;
            literal = !blocks_.encode(gap, cursor_, limits_.scripts, records_);
        }
        if (literal) {
            script_.literals(length);
        } else {
            script_.records(length, records_);
            note_numbers(begin, length);
        }
        begin += length;
        if (!go_on(length)) return was_cancelled();
    }
    return {};
}

// Remembers a sample of what was not left to the search for matches.
void SegmentEncoder::note_numbers(std::uint64_t begin, std::uint64_t length) {
    constexpr std::uint64_t share = 16;
    constexpr std::uint64_t least = 1024;
    number_bytes_ += length;
    number_record_bytes_ += records_.size();
    const auto size = std::min(length, std::max(least, length / share));
    const auto sample = new_file_.subspan(begin + (length - size) / 2 / 4 * 4, size);
    number_sample_.insert(number_sample_.end(), sample.begin(), sample.end());
}

// Readers without memory for scripts get one record of matches where bytes only moved.
bool SegmentEncoder::encode_whole(std::uint64_t begin, std::uint64_t end, const Findings& found,
                                  std::uint64_t next_shift) {
    if (end - begin > limits_.block_bytes || cut_after(begin, end) == end) return false;
    const Gap gap = gap_of(begin, end, found, next_shift);
    records_.clear();
    if (!blocks_.encode_whole(gap, cursor_, (end - begin) / 32, records_)) return false;
    script_.records(end - begin, records_);
    return true;
}

BlockEncoder::Totals SegmentEncoder::block_totals() const {
    auto totals = blocks_.totals();
    const auto& script = script_.totals();
    totals.features |= script.features;
    totals.record_bytes = std::max(totals.record_bytes, script.record_bytes);
    totals.block_bytes = std::max(totals.block_bytes, script.literal_bytes);
    totals.reference_bytes = std::max(totals.reference_bytes, script.reference_bytes);
    return totals;
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
