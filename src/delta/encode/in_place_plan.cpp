#include "delta/encode/in_place_plan.h"

#include <algorithm>

namespace strandline::delta {
namespace {

using Kind = OldAccess::Kind;

// Rows longer than this are cut.
constexpr std::uint64_t max_grain = 16u << 10;
// Shorter stretches of old values are not worth a part.
constexpr std::uint64_t min_kept_bytes = 1024;

// Bytes of each segment whose old values are gone; the part has some.
std::uint64_t lost_bytes(const TensorPart& part, Kind kind, std::uint64_t segment_bytes) {
    const std::uint64_t old_begin = *part.old_begin;
    const bool towards_end = part.begin > old_begin;
    if (kind == Kind::whole || towards_end != (kind == Kind::up)) return 0;
    return std::min(segment_bytes, towards_end ? part.begin - old_begin : old_begin - part.begin);
}

void forget_old(TensorPart& part) {
    part.old_begin.reset();
    part.folded.reset();
}

bool arrays_are_there(const TensorPart& part, const OldAccess& access) {
    const auto first = access.at(part.begin / access.segment_bytes * access.segment_bytes);
    const auto last = access.at((part.end - 1) / access.segment_bytes * access.segment_bytes);
    return std::ranges::all_of(part.folded->arrays, [&](std::uint64_t offset) {
        const OldRange array{offset, part.folded->fold.channels * sizeof(float)};
        return lies_within(array, first) && lies_within(array, last);
    });
}

// Cuts one part at the borders of what its segments have of its old values.
class Cutter {
public:
    Cutter(const TensorPart& part, std::vector<TensorPart>& out) : part_(part), out_(out) {
        const std::uint64_t row = part.columns * element_size(part.type);
        by_rows_ = row > 0 && row <= max_grain;
        grain_ = by_rows_ ? row : element_size(part.type);
        at_ = part.begin;
    }

    // Old values are there for [begin, end).
    void keep(std::uint64_t begin, std::uint64_t end) {
        begin = part_.begin + (std::max(begin, at_) - part_.begin + grain_ - 1) / grain_ * grain_;
        end = std::min(end, part_.end);
        if (end <= begin) return;
        if (end < part_.end) end -= (end - part_.begin) % grain_;
        const bool all = begin == part_.begin && end == part_.end;
        if (all) return add(part_);
        if (end < begin + min_kept_bytes) return;
        lose_until(begin);
        TensorPart piece = part_;
        piece.begin = begin;
        piece.end = end;
        *piece.old_begin += begin - part_.begin;
        piece.folded.reset();
        if (!by_rows_) piece.columns = piece.last_columns = 0;
        add(piece);
    }

    void lose_until(std::uint64_t end) {
        if (end <= at_) return;
        TensorPart piece = part_;
        piece.begin = at_;
        piece.end = end;
        forget_old(piece);
        if (!by_rows_) piece.columns = piece.last_columns = 0;
        add(piece);
    }

private:
    void add(const TensorPart& piece) {
        out_.push_back(piece);
        at_ = piece.end;
    }

    const TensorPart& part_;
    std::vector<TensorPart>& out_;
    bool by_rows_ = false;
    std::uint64_t grain_ = 1;
    std::uint64_t at_ = 0;
};

}  // namespace

bool better_downwards(const std::vector<TensorPart>& parts, std::uint64_t new_size,
                      const OldAccess& access) {
    double up = 0;
    double down = 0;
    for (const auto& part : parts) {
        if (!part.old_begin) continue;
        const auto bytes = static_cast<double>(part.end - part.begin);
        up += bytes * static_cast<double>(lost_bytes(part, Kind::up, access.segment_bytes));
        down += bytes * static_cast<double>(lost_bytes(part, Kind::down, access.segment_bytes));
    }
    return up == down ? new_size > access.old_size : down < up;
}

std::vector<TensorPart> parts_in_place(const std::vector<TensorPart>& parts,
                                       const OldAccess& access) {
    const std::uint64_t segment = access.segment_bytes;
    std::vector<TensorPart> out;
    for (TensorPart part : parts) {
        if (part.folded && !arrays_are_there(part, access)) forget_old(part);
        const auto lost = part.old_begin ? lost_bytes(part, access.kind, segment) : 0;
        if (lost == segment) forget_old(part);
        if (lost == 0 || lost == segment) {
            out.push_back(part);
            continue;
        }
        Cutter cutter(part, out);
        for (std::uint64_t at = part.begin / segment * segment; at < part.end; at += segment) {
            if (access.kind == Kind::up) {
                cutter.keep(at + lost, at + segment);
            } else {
                cutter.keep(at, at + segment - lost);
            }
        }
        cutter.lose_until(part.end);
    }
    return out;
}

}  // namespace strandline::delta
