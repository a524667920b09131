#include "delta/layout/sign_anchors.h"

#include <algorithm>
#include <bit>
#include <map>
#include <optional>
#include <unordered_map>

#include "delta/layout/reader.h"

namespace strandline::delta {
namespace {

/// Signs that make an anchor.
constexpr std::uint64_t anchor_signs = 32;
/// Nearly equal signs are no anchor: they are all over biases and scales.
constexpr int min_minority = 6;
/// Of the old numbers; farther apart in larger files.
constexpr std::size_t max_anchors = 1 << 18;
/// Signs that are compared before an anchor is believed, and how many must agree.
constexpr std::uint64_t check_signs = 256;
constexpr std::uint64_t check_agreeing = 200;
/// An aligned span goes on while this many of each 64 signs agree, and is worth having from this
/// length on.
constexpr std::uint64_t step_signs = 64;
constexpr std::uint64_t step_agreeing = 42;
constexpr std::uint64_t min_aligned = 1024;
/// Anchors that prove to be chance; more are a hostile file or one without relatives.
constexpr std::uint64_t max_failures = 1 << 14;

class Signs {
public:
    Signs(ByteSpan file, const NumberSpan& span)
        : bytes_(slice(file, span.offset, span.bytes)), size_(element_size(span.type)) {}
    [[nodiscard]] std::uint64_t count() const { return bytes_.size() / size_; }
    [[nodiscard]] std::uint64_t at(std::uint64_t index) const {
        const auto last = static_cast<std::size_t>(index) * size_ + size_ - 1;
        return std::to_integer<std::uint64_t>(bytes_[last] >> 7);
    }

private:
    ByteSpan bytes_;
    std::size_t size_;
};

bool is_anchor(std::uint32_t signs) {
    const int ones = std::popcount(signs);
    return std::min(ones, 32 - ones) >= min_minority;
}

std::uint64_t agreeing(const Signs& a, std::uint64_t at_a, const Signs& b, std::uint64_t at_b,
                       std::uint64_t count) {
    std::uint64_t same = 0;
    for (std::uint64_t i = 0; i < count; ++i) same += a.at(at_a + i) == b.at(at_b + i) ? 1 : 0;
    return same;
}

/// A number of an old span.
struct Place {
    std::uint32_t span = 0;
    std::uint64_t index = 0;
};

class Aligner {
public:
    Aligner(ByteSpan old_file, const std::vector<NumberSpan>& old_spans, ByteSpan new_file,
            WorkMeter& meter)
        : old_file_(old_file), old_spans_(old_spans), new_file_(new_file), meter_(meter) {
        std::uint64_t numbers = 0;
        for (const auto& span : old_spans) numbers += span.bytes / element_size(span.type);
        const std::uint64_t step = std::max(anchor_signs, numbers / max_anchors + 1);
        for (std::uint32_t span = 0; span < old_spans.size(); ++span) index(span, step);
    }

    void align(const NumberSpan& span) {
        const Signs signs(new_file_, span);
        std::uint64_t free = 0;  // where the last aligned span ended
        std::uint32_t window = 0;
        std::uint64_t filled = 0;
        constexpr std::uint64_t metered_numbers = metered_bytes / 4;
        std::uint64_t next_look = metered_numbers;
        for (std::uint64_t i = 0; i < signs.count() && failures_ < max_failures; ++i) {
            if (i >= next_look) {
                next_look = i + metered_numbers;
                if (!meter_.done(metered_bytes)) return;
            }
            window = window << 1 | static_cast<std::uint32_t>(signs.at(i));
            if (++filled < anchor_signs || !is_anchor(window)) continue;
            const auto anchor = anchors_.find(window);
            if (anchor == anchors_.end()) continue;
            const auto end = try_anchor(span, signs, anchor->second, i + 1 - anchor_signs, free);
            if (!end) continue;
            free = *end;
            i = *end - 1;
            filled = 0;
        }
    }

    std::vector<AlignedSpan> take() { return std::move(result_); }

private:
    void index(std::uint32_t span, std::uint64_t step) {
        const Signs signs(old_file_, old_spans_[span]);
        for (std::uint64_t i = 0; i + anchor_signs <= signs.count(); i += step) {
            std::uint32_t window = 0;
            for (std::uint64_t j = 0; j < anchor_signs; ++j) {
                window = window << 1 | static_cast<std::uint32_t>(signs.at(i + j));
            }
            if (is_anchor(window)) anchors_.try_emplace(window, Place{span, i});
        }
    }

    /// Where the aligned span ends that the anchor belongs to; nothing when it is chance, or when
    /// its old numbers have gone elsewhere.
    std::optional<std::uint64_t> try_anchor(const NumberSpan& span, const Signs& signs,
                                            const Place& place, std::uint64_t at,
                                            std::uint64_t free) {
        const auto& old_span = old_spans_[place.span];
        const Signs old_signs(old_file_, old_span);
        const auto room = unclaimed(place);
        // No failure: what is not aligned yet may follow a copy of what is.
        if (room.ahead + room.behind < old_signs.count() &&
            (room.ahead < check_signs || room.ahead + room.behind < min_aligned))
            return std::nullopt;
        if (old_span.type != span.type || room.ahead < check_signs ||
            signs.count() - at < check_signs ||
            agreeing(old_signs, place.index, signs, at, check_signs) < check_agreeing) {
            ++failures_;
            return std::nullopt;
        }
        std::uint64_t end = at + check_signs;
        const std::uint64_t most = at + std::min(room.ahead, signs.count() - at);
        const auto good = [&](std::uint64_t from) {
            return agreeing(old_signs, place.index + from - at, signs, from, step_signs) >=
                   step_agreeing;
        };
        while (most - end >= step_signs && good(end)) end += step_signs;
        if (most - end < step_signs) end = most;
        std::uint64_t begin = at;
        const std::uint64_t back = std::min(at - free, room.behind);
        while (at - begin + step_signs <= back &&
               agreeing(old_signs, place.index - (at - begin) - step_signs, signs,
                        begin - step_signs, step_signs) >= step_agreeing) {
            begin -= step_signs;
        }
        if (back - (at - begin) < step_signs) begin = at - back;
        static_cast<void>(meter_.done((end - begin) * element_size(span.type)));
        return keep(span, place, {at, begin, end});
    }

    struct Found {
        std::uint64_t at;
        std::uint64_t begin;
        std::uint64_t end;
    };
    std::optional<std::uint64_t> keep(const NumberSpan& span, const Place& place,
                                      const Found& found) {
        const std::uint64_t size = element_size(span.type);
        const auto& old_span = old_spans_[place.span];
        const std::uint64_t old_first = place.index - (found.at - found.begin);
        const AlignedSpan aligned{old_span.offset + old_first * size,
                                  span.offset + found.begin * size,
                                  (found.end - found.begin) * size};
        if (found.end - found.begin < min_aligned) {
            ++failures_;
            return std::nullopt;
        }
        used_.emplace(aligned.old_offset, aligned.old_offset + aligned.bytes);
        result_.push_back(aligned);
        return found.end;
    }

    /// Old numbers of the span that no aligned one has: from a place on, and before it.
    struct Room {
        std::uint64_t ahead = 0;
        std::uint64_t behind = 0;
    };
    [[nodiscard]] Room unclaimed(const Place& place) const {
        const auto& span = old_spans_[place.span];
        const std::uint64_t size = element_size(span.type);
        const std::uint64_t at = span.offset + place.index * size;
        std::uint64_t begin = span.offset;
        std::uint64_t end = span.offset + span.bytes;
        const auto next = used_.upper_bound(at);
        if (next != used_.end()) end = std::min(end, next->first);
        if (next != used_.begin()) begin = std::max(begin, std::prev(next)->second);
        if (begin > at) return {};
        return {(end - at) / size, (at - begin) / size};
    }

    ByteSpan old_file_;
    const std::vector<NumberSpan>& old_spans_;
    ByteSpan new_file_;
    WorkMeter& meter_;
    std::unordered_map<std::uint32_t, Place> anchors_;
    std::map<std::uint64_t, std::uint64_t> used_;  ///< old bytes: begin, end
    std::vector<AlignedSpan> result_;
    std::uint64_t failures_ = 0;
};

}  // namespace

std::vector<AlignedSpan> align_by_signs(ByteSpan old_file, const std::vector<NumberSpan>& old_spans,
                                        ByteSpan new_file, const std::vector<NumberSpan>& new_spans,
                                        WorkMeter& meter) {
    Aligner aligner(old_file, old_spans, new_file, meter);
    for (const auto& span : new_spans) aligner.align(span);
    return aligner.take();
}

}  // namespace strandline::delta
