#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "delta/encode/known_spans.h"
#include "delta/encode/old_index.h"
#include "delta/format/record.h"

namespace strandline::delta {

/// Equal bytes of the new and the old file.
struct Match {
    std::uint64_t new_offset = 0;
    std::uint64_t old_offset = 0;
    std::uint64_t length = 0;

    /// Old offset minus new offset, modulo 2^64.
    [[nodiscard]] std::uint64_t shift() const { return old_offset - new_offset; }
    [[nodiscard]] std::uint64_t end() const { return new_offset + length; }
};

/// A run of one byte value.
struct Fill {
    std::uint64_t new_offset = 0;
    std::uint64_t length = 0;
    [[nodiscard]] std::uint64_t end() const { return new_offset + length; }
};

/// What was found in a part of the new file; each list sorted, nothing overlaps.
struct Findings {
    std::vector<Match> matches;
    std::vector<Fill> fills;
};

/// Matches and fills at least this long are worth a record of their own. They are found, but for
/// moved ones in the midst of much that is new (64 KiB are found there).
inline constexpr std::uint64_t min_copy_bytes = 4096;

/// Walks through the new file once. Follows the present shift between the files, which costs
/// nothing while they are equal, and looks elsewhere by the index where they are not. Where it is
/// known what aligns, it only looks for long matches there, and needs no index of that.
class MatchFinder {
public:
    /// All are borrowed. Of equal places, the index knows the first or the last.
    MatchFinder(ByteSpan old_file, ByteSpan new_file, std::span<const KnownSpan> spans = {},
                bool prefer_last = false);

    /// Looks at [begin, end) of the new file, for what is `at_hand` of the old one; short matches
    /// are reported where they turn up.
    [[nodiscard]] Findings find(std::uint64_t begin, std::uint64_t end,
                                const OldRange& at_hand = {0, UINT64_MAX});

private:
    void find_freely(std::uint64_t begin, std::uint64_t end, Findings& found);
    void find_aligned(const KnownSpan& span, std::uint64_t begin, std::uint64_t end,
                      Findings& found);
    void add_match(const Match& match, Findings& found);
    [[nodiscard]] std::uint64_t skip_unequal(std::uint64_t at, std::uint64_t end) const;
    [[nodiscard]] std::uint64_t probe_period() const;
    [[nodiscard]] bool probe_everywhere() const;
    std::uint64_t try_fill(std::uint64_t at, std::uint64_t end);
    [[nodiscard]] std::uint64_t try_shift(std::uint64_t at, std::uint64_t end,
                                          std::uint64_t shift) const;
    bool try_index(std::uint64_t at, std::uint64_t floor, std::uint64_t end, Findings& found);
    bool may_probe(std::uint64_t at);
    [[nodiscard]] std::unique_ptr<OldIndex> make_index() const;

    ByteSpan old_file_;
    ByteSpan new_file_;
    std::span<const KnownSpan> spans_;
    std::uint64_t unknown_bytes_ = 0;  // of the new file, in no span
    std::size_t next_span_ = 0;
    bool prefer_last_;
    std::uint64_t old_begin_ = 0;  // what is at hand
    std::uint64_t old_end_ = 0;
    std::uint64_t shift_ = 0;
    std::unique_ptr<OldIndex> index_;  // made when first needed
    RollingHash hash_{Bytes(anchor_bytes)};
    std::optional<std::uint64_t> hash_at_;  // offset the hash stands for
    unsigned fruitless_zones_ = 0;          // looked at since the last long match
    std::uint64_t constant_until_ = 0;      // a constant run seen, too short for a fill
};

}  // namespace strandline::delta
