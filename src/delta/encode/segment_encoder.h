#pragma once

#include <cstdint>
#include <functional>

#include "base/bytes.h"
#include "delta/encode/block_encoder.h"
#include "delta/encode/match_finder.h"
#include "delta/encode/script_encoder.h"
#include "delta/encode/tensor_plan.h"
#include "delta/format/old_access.h"

namespace strandline::delta {

/// What is known of a segment, [begin, end) of the new file, before it is coded.
struct SegmentPlan {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    Findings found;
    std::uint64_t shift = 0;  ///< of the last copy before it
    OldRange at_hand;         ///< of the old file
};

/// Looks through the new file, which has to happen in order.
class SegmentScout {
public:
    /// All are borrowed.
    SegmentScout(ByteSpan old_file, ByteSpan new_file, std::span<const KnownSpan> spans,
                 const OldAccess& access)
        : finder_(old_file, new_file, spans, access.kind == OldAccess::Kind::up), access_(access) {}

    /// The plan for [begin, end), which starts where the last one ended.
    [[nodiscard]] SegmentPlan next(std::uint64_t begin, std::uint64_t end);

private:
    MatchFinder finder_;
    OldAccess access_;
    std::uint64_t shift_ = 0;
};

/// Encodes segments, in any order: the records of one depend on its plan alone.
class SegmentEncoder {
public:
    /// Files, plan and habits are borrowed. `report` gets new bytes as they are done, about, and
    /// says whether to go on; it is asked all the time.
    SegmentEncoder(ByteSpan old_file, ByteSpan new_file, const BlockLimits& limits,
                   std::function<bool(std::uint64_t)> report, const TensorPlan& plan,
                   KindHabits& habits);
    SegmentEncoder(const SegmentEncoder&) = delete;
    SegmentEncoder& operator=(const SegmentEncoder&) = delete;

    /// The records that make a segment; `cancelled` if asked to stop.
    [[nodiscard]] Result<Bytes> encode(const SegmentPlan& plan);

    [[nodiscard]] BlockEncoder::Totals block_totals() const;

private:
    struct Region;

    Status encode_gap(std::uint64_t begin, std::uint64_t end, const Findings& found,
                      std::uint64_t next_shift);
    [[nodiscard]] std::uint64_t cut_after(std::uint64_t at, std::uint64_t end) const;
    [[nodiscard]] Gap gap_of(std::uint64_t begin, std::uint64_t end, const Findings& found,
                             std::uint64_t next_shift) const;
    Status encode_stretch(std::uint64_t begin, std::uint64_t end, const Findings& found,
                          std::uint64_t next_shift);
    Status encode_blocks(std::uint64_t begin, std::uint64_t end, const Findings& found,
                         std::uint64_t next_shift, const TensorPart* part);
    Result<Bytes> encode_regions(std::uint64_t begin, std::uint64_t end, const Findings& found,
                                 const std::vector<Region>& regions);
    bool go_on(std::uint64_t bytes);
    [[nodiscard]] bool literals_may_win();
    void note_numbers(std::uint64_t begin, std::uint64_t length);
    bool encode_whole(std::uint64_t begin, std::uint64_t end, const Findings& found,
                      std::uint64_t next_shift);
    void add_region(const Region& region);
    void add_copy(std::uint64_t begin, std::uint64_t length, std::uint64_t old_offset);
    void add_shift(std::vector<std::uint64_t>& shifts, std::uint64_t shift) const;
    [[nodiscard]] std::vector<std::uint64_t> shifts_for(std::span<const Match> matches,
                                                        std::uint64_t next_shift) const;

    ByteSpan old_file_;
    ByteSpan new_file_;
    BlockLimits limits_;
    std::function<bool(std::uint64_t)> report_;
    bool stopped_ = false;
    const std::vector<TensorPart>* parts_;
    BlockEncoder blocks_;
    ScriptEncoder script_;
    Bytes records_;
    // Of tensors in this segment.
    std::uint64_t number_bytes_ = 0;
    std::uint64_t number_record_bytes_ = 0;
    Bytes number_sample_;
    bool all_literals_ = false;
    std::uint64_t last_shift_ = 0;  // of the last copy
    OldCursor cursor_;
};

}  // namespace strandline::delta
