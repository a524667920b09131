#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "delta/coder/mixed_coder.h"
#include "delta/coder/zstd_codec.h"
#include "delta/encode/match_finder.h"
#include "delta/encode/mode_planner.h"
#include "delta/encode/number_chooser.h"
#include "delta/encode/tensor_coder.h"
#include "delta/format/record.h"

namespace strandline::delta {

struct BlockLimits {
    std::uint32_t block_bytes = 1u << 20;      ///< of one record's output
    std::uint32_t reference_bytes = 1u << 20;  ///< of its old windows
    int level = 9;                             ///< of zstd where its match search pays
    bool factors = true;                       ///< the reader has memory for predictions
    bool lzma = true;                          ///< the reader has memory for LZMA
    bool mixer = true;                         ///< the reader has memory to mix bytes
    bool scripts = true;                       ///< the reader has memory for scripts
    bool thorough = true;                      ///< try more than sampling suggests
};

/// A part of the new file that no copy covers.
struct Gap {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    /// Where its old bytes may be: old offset minus new offset, modulo 2^64; best guess first.
    std::vector<std::uint64_t> shifts;
    /// Short matches inside, sorted.
    std::span<const Match> matches;
    /// The numbers that it is a part of, if that is known.
    const TensorPart* part = nullptr;
};

/// Codes blocks by trial: every coder that sampling does not rule out, and the smallest wins.
class BlockEncoder {
public:
    /// `kinds` are those of the plan. Once `stopped` is true, what is made is worth nothing. All
    /// but `limits` are borrowed.
    BlockEncoder(ByteSpan old_file, ByteSpan new_file, const BlockLimits& limits,
                 std::function<bool()> stopped, const std::vector<TensorPart>& kinds,
                 KindHabits& habits);
    BlockEncoder(const BlockEncoder&) = delete;
    BlockEncoder& operator=(const BlockEncoder&) = delete;

    struct Totals {
        // Largest seen, for the header.
        std::uint32_t record_bytes = 0;
        std::uint32_t block_bytes = 0;
        std::uint32_t reference_bytes = 0;
        std::uint8_t features = 0;

        void add(const Totals& more);
    };
    /// Appends one record of matches for a gap that would be cut into several, if it takes fewer
    /// than `limit` bytes; else returns false.
    bool encode_whole(const Gap& gap, const OldCursor& cursor, std::size_t limit, Bytes& out);

    /// What there is of the old file, beside that of tensors.
    void set_at_hand(const OldRange& at_hand) {
        at_hand_ = at_hand;
        planner_.set_at_hand(at_hand);
    }

    /// Segments do not depend on each other.
    void begin_segment() {
        numbers_.begin_segment();
        tensors_.begin_segment();
    }

    /// Appends the records of a gap of at most `block_bytes` to `out`. With `may_decline` it
    /// appends nothing and returns false where a search for matches looks better than all else.
    bool encode(const Gap& gap, const OldCursor& cursor, bool may_decline, Bytes& out);

    [[nodiscard]] const Totals& totals() const { return totals_; }
    /// Goes back, where records are not kept.
    void set_totals(const Totals& totals) { totals_ = totals; }

private:
    // A coded record and the size it has.
    struct Choice {
        std::uint64_t begin = 0;
        std::uint64_t end = 0;
        bool raw = true;
        CodedRecord record;
        Bytes payload;
        [[nodiscard]] std::uint64_t cost() const;
    };

    Choice encode_run(const Gap& gap, const Run& run, bool matches);
    std::optional<Choice> encode_tensor(const Gap& gap, bool may_decline);
    [[nodiscard]] bool matches_win(const Gap& gap, std::uint64_t rival);
    [[nodiscard]] std::optional<double> matches_share(const Gap& gap);
    [[nodiscard]] TensorBlock tensor_block(const Gap& gap) const;
    void try_mixed(const Gap& gap, ByteSpan block, Choice& best);
    std::optional<OldView> load_view(const TensorPart& part, std::uint64_t begin,
                                     std::uint64_t end);
    void load_reference(const std::vector<OldRange>& windows);
    Choice encode_planes_run(const Run& run);
    Choice encode_numbers_run(const Run& run, std::uint64_t shift);
    Choice encode_lz(const Gap& gap, std::uint64_t begin, std::uint64_t end, int level);
    void try_lzma(Choice& choice);
    bool lz_may_win(const Gap& gap, const Choice& rival);
    [[nodiscard]] std::vector<OldRange> windows_for(const Gap& gap, std::uint64_t begin,
                                                    std::uint64_t end, int level) const;
    void append(const Choice& choice, const OldCursor& cursor, Bytes& out);

    ByteSpan old_file_;
    ByteSpan new_file_;
    OldRange at_hand_;
    BlockLimits limits_;
    std::function<bool()> stopped_;
    ModePlanner planner_;
    NumberChooser numbers_;
    TensorCoder tensors_;
    number::ByteMixer mixer_;
    NumberChooser::Coded pending_;
    ZstdEncoder zstd_;
    Bytes scratch_;
    Bytes reference_;
    Bytes view_;
    Bytes view_scales_;
    Totals totals_;
};

}  // namespace strandline::delta
