#include "delta/encode/match_finder.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "delta/number/number_format.h"

namespace strandline::delta {
namespace {

// Shorter equal stretches say nothing about where the old file continues.
constexpr std::uint64_t min_match_bytes = 32;
// In larger files the index is asked in the first part of every period only: at first in one that
// still finds every match of min_copy_bytes, then more rarely the longer nothing is found, as each
// question is a cache miss. At the longest period matches of 64 KiB are still found.
constexpr std::uint64_t first_period = 2048;
constexpr unsigned max_doublings = 4;
constexpr unsigned zones_per_doubling = 16;
constexpr std::uint64_t full_probe_bytes = std::uint64_t{8} << 20;

std::uint64_t load_word(const std::byte* at) { return number::load_word<std::uint64_t>(at); }

// Length of the common start of two ranges of `limit` bytes.
std::uint64_t common_length(const std::byte* a, const std::byte* b, std::uint64_t limit) {
    constexpr std::size_t stride = 4096;
    std::uint64_t length = 0;
    while (limit - length >= stride && std::memcmp(a + length, b + length, stride) == 0)
        length += stride;
    while (limit - length >= 8 && load_word(a + length) == load_word(b + length)) length += 8;
    while (length < limit && a[length] == b[length]) ++length;
    return length;
}

}  // namespace

MatchFinder::MatchFinder(ByteSpan old_file, ByteSpan new_file, std::span<const KnownSpan> spans,
                         bool prefer_last)
    : old_file_(old_file),
      new_file_(new_file),
      spans_(spans),
      unknown_bytes_(new_file.size()),
      prefer_last_(prefer_last) {
    for (const auto& span : spans) unknown_bytes_ -= span.end - span.begin;
}

Findings MatchFinder::find(std::uint64_t begin, std::uint64_t end, const OldRange& at_hand) {
    old_begin_ = at_hand.offset;
    old_end_ = std::min<std::uint64_t>(old_file_.size(), at_hand.offset + at_hand.length);
    Findings found;
    std::uint64_t at = begin;
    while (at < end) {
        while (next_span_ < spans_.size() && spans_[next_span_].end <= at) ++next_span_;
        const bool known = next_span_ < spans_.size() && spans_[next_span_].begin < end;
        if (!known || spans_[next_span_].begin > at) {
            const auto stop = known ? spans_[next_span_].begin : end;
            find_freely(at, stop, found);
            at = stop;
        } else {
            const auto& span = spans_[next_span_];
            const auto stop = std::min(end, span.end);
            find_aligned(span, at, stop, found);
            at = stop;
        }
    }
    return found;
}

void MatchFinder::find_aligned(const KnownSpan& span, std::uint64_t begin, std::uint64_t end,
                               Findings& found) {
    shift_ = span.shift();
    if (span.equal) return add_match({begin, begin + shift_, end - begin}, found);
    // Every stretch that is long enough has one of these places in it.
    constexpr std::uint64_t step = min_copy_bytes / 2;
    std::uint64_t floor = begin;
    for (std::uint64_t at = begin; at < end && end - at >= 2 * sizeof(std::uint64_t);) {
        const auto word = load_word(new_file_.data() + at);
        const bool constant = word == std::rotl(word, 8);
        if (!constant && word != load_word(old_file_.data() + (at + shift_))) {
            at += step;
            continue;
        }
        std::uint64_t start = at;
        if (constant) {
            while (start > floor && new_file_[start - 1] == new_file_[start]) --start;
            if (const auto length = try_fill(start, end); length > 0) {
                found.fills.push_back({start, length});
                at = floor = start + length;
                continue;
            }
        }
        start = at;
        while (start > floor && new_file_[start - 1] == old_file_[start - 1 + shift_]) --start;
        const auto length = try_shift(start, end, shift_);
        if (length >= min_copy_bytes) {
            add_match({start, start + shift_, length}, found);
            floor = start + length;
        }
        at = std::max(at + step, start + length);
    }
}

// Joins what continues the last match.
void MatchFinder::add_match(const Match& match, Findings& found) {
    if (!found.matches.empty() && found.matches.back().end() == match.new_offset &&
        found.matches.back().shift() == match.shift()) {
        found.matches.back().length += match.length;
    } else {
        found.matches.push_back(match);
    }
}

void MatchFinder::find_freely(std::uint64_t begin, std::uint64_t end, Findings& found) {
    std::uint64_t floor = begin;  // end of what was found last
    std::uint64_t at = begin;
    while (at < end) {
        at = skip_unequal(at, end);
        if (const auto length = try_fill(at, end); length > 0) {
            found.fills.push_back({at, length});
            at = floor = at + length;
        } else if (const auto shifted = try_shift(at, end, shift_); shifted > 0) {
            add_match({at, at + shift_, shifted}, found);
            at = floor = at + shifted;
            if (shifted >= min_copy_bytes) fruitless_zones_ = 0;
        } else if (may_probe(at) && try_index(at, floor, end, found)) {
            at = floor = found.matches.back().end();
        } else {
            ++at;
        }
    }
}

// The next place where there is something to try: most of a changed file is passed here.
std::uint64_t MatchFinder::skip_unequal(std::uint64_t at, std::uint64_t end) const {
    const std::uint64_t period = probe_period();
    if (probe_everywhere() || end - at < period) return at;
    const std::uint64_t zone_end = index_ ? index_->stride() + anchor_bytes : 0;
    if (at % period < zone_end || zone_end == 0) return at;
    const std::uint64_t next_zone = (at / period + 1) * period;
    const std::uint64_t old_at = at + shift_;
    const std::uint64_t stop = std::min(next_zone, end - sizeof(std::uint64_t));
    if (old_at >= old_file_.size() || old_file_.size() - old_at < period + sizeof(std::uint64_t))
        return at;
    const auto* here = new_file_.data() + at;
    const auto* there = old_file_.data() + old_at;
    for (; at < stop; ++at, ++here, ++there) {
        const std::uint64_t word = load_word(here);
        if (word == load_word(there) || word == std::rotl(word, 8)) break;
    }
    return at;
}

std::uint64_t MatchFinder::probe_period() const {
    return first_period << std::min(max_doublings, fruitless_zones_ / zones_per_doubling);
}

bool MatchFinder::probe_everywhere() const { return unknown_bytes_ <= full_probe_bytes; }

std::uint64_t MatchFinder::try_fill(std::uint64_t at, std::uint64_t end) {
    if (at < constant_until_ || end - at < min_copy_bytes) return 0;
    const auto* here = new_file_.data() + at;
    if (here[0] != here[1] || load_word(here) != load_word(here + 1)) return 0;
    const std::uint64_t length = 1 + common_length(here, here + 1, end - at - 1);
    if (length >= min_copy_bytes) return length;
    constant_until_ = at + length;
    return 0;
}

std::uint64_t MatchFinder::try_shift(std::uint64_t at, std::uint64_t end,
                                     std::uint64_t shift) const {
    const std::uint64_t old_at = at + shift;
    if (old_at < old_begin_ || old_at >= old_end_) return 0;
    const std::uint64_t limit = std::min(end - at, old_end_ - old_at);
    const auto* a = new_file_.data() + at;
    const auto* b = old_file_.data() + old_at;
    // The tail of a file may match for fewer bytes.
    const std::uint64_t wanted = std::min(min_match_bytes, limit);
    if (limit >= 8 && load_word(a) != load_word(b)) return 0;
    const std::uint64_t length = common_length(a, b, limit);
    return length >= wanted ? length : 0;
}

// What is known to go with other parts of the new file is hardly needed once more, so little that
// is unknown does not pay for an index of it.
std::unique_ptr<OldIndex> MatchFinder::make_index() const {
    constexpr std::uint64_t little_bytes = 256u << 10;
    constexpr std::uint64_t little_share = 64;
    if (unknown_bytes_ > std::max(little_bytes, new_file_.size() / little_share))
        return std::make_unique<OldIndex>(old_file_, prefer_last_);
    return std::make_unique<OldIndex>(
        old_file_, unaligned_old({spans_.begin(), spans_.end()}, old_file_.size()), prefer_last_);
}

bool MatchFinder::may_probe(std::uint64_t at) {
    if (old_file_.size() < anchor_bytes || new_file_.size() - at < anchor_bytes) return false;
    if (!index_) index_ = make_index();
    if (probe_everywhere()) return true;
    const std::uint64_t place = at % probe_period();
    if (place == 0) ++fruitless_zones_;
    return place < index_->stride() + anchor_bytes;
}

bool MatchFinder::try_index(std::uint64_t at, std::uint64_t floor, std::uint64_t end,
                            Findings& found) {
    if (hash_at_ && *hash_at_ + 1 == at) {
        hash_.roll(new_file_[*hash_at_], new_file_[at + anchor_bytes - 1]);
    } else {
        hash_ = RollingHash(new_file_.subspan(at, anchor_bytes));
    }
    hash_at_ = at;
    const auto place = index_->find(hash_.value());
    if (!place || *place - at == shift_) return false;
    const std::uint64_t shift = *place - at;
    const std::uint64_t length = try_shift(at, end, shift);
    if (length < min_match_bytes) return false;
    std::uint64_t back = 0;
    while (at - back > floor && *place > back + old_begin_ &&
           new_file_[at - back - 1] == old_file_[*place - back - 1])
        ++back;
    found.matches.push_back({at - back, *place - back, length + back});
    // A short match does not show that the rest moved, too.
    constexpr std::uint64_t convincing_bytes = 256;
    if (length + back >= convincing_bytes) shift_ = shift;
    if (length + back >= min_copy_bytes) fruitless_zones_ = 0;
    return true;
}

}  // namespace strandline::delta
