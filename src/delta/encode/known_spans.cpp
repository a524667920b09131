#include "delta/encode/known_spans.h"

#include <algorithm>

namespace strandline::delta {

std::vector<KnownSpan> known_spans(const FileMatch& found) {
    std::vector<KnownSpan> spans;
    for (const auto& match : found.matches) {
        if (!match.old_tensor || match.relation < Relation::related || !match.permutation.empty())
            continue;
        const auto& next = found.new_layout.tensors[match.new_tensor];
        const auto& old = found.old_layout.tensors[*match.old_tensor];
        if (next.bytes != old.bytes || next.type != old.type) continue;
        const bool equal = match.relation == Relation::equal;
        const KnownSpan span{next.offset, next.offset + next.bytes, old.offset, equal};
        if (!spans.empty() && spans.back().end == span.begin && spans.back().equal == equal &&
            spans.back().shift() == span.shift()) {
            spans.back().end = span.end;
        } else if (span.end > span.begin) {
            spans.push_back(span);
        }
    }
    return spans;
}

std::vector<OldStretch> unaligned_old(const std::vector<KnownSpan>& spans, std::uint64_t old_size) {
    std::vector<OldStretch> used;
    used.reserve(spans.size());
    for (const auto& span : spans)
        used.push_back({span.old_begin, span.old_begin + (span.end - span.begin)});
    std::ranges::sort(used, {}, &OldStretch::begin);
    std::vector<OldStretch> left;
    std::uint64_t at = 0;
    for (const auto& stretch : used) {
        if (stretch.begin > at) left.push_back({at, stretch.begin});
        at = std::max(at, stretch.end);
    }
    if (at < old_size) left.push_back({at, old_size});
    return left;
}

}  // namespace strandline::delta
