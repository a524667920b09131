#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/bytes.h"
#include "delta/coder/lzma_codec.h"
#include "delta/coder/zstd_codec.h"
#include "delta/format/record.h"
#include "delta/format/script.h"

namespace strandline::delta {

struct ScriptLimits {
    std::uint32_t literal_bytes = 0;    ///< of one script
    std::uint32_t reference_bytes = 0;  ///< of old bytes its literals refer to
    bool enabled = true;                ///< the reader has memory for scripts and LZMA
};

/// Gathers what a segment is made of, in order, and writes it as scripts, each followed by its
/// records: the literals of many gaps cost less together than each alone.
class ScriptEncoder {
public:
    /// Files are borrowed. Once `stopped` is true, what is made is worth nothing.
    ScriptEncoder(ByteSpan old_file, ByteSpan new_file, const ScriptLimits& limits,
                  std::function<bool()> stopped);

    /// What there is of the old file.
    void set_at_hand(const OldRange& at_hand) { at_hand_ = at_hand; }
    /// Starts the segment [begin, end).
    void begin_segment(std::uint64_t begin, std::uint64_t end);
    /// The next bytes are literals; at most ScriptLimits::literal_bytes at a time.
    void literals(std::uint64_t length);
    void copy(std::uint64_t length, std::uint64_t old_offset);
    /// The next `length` bytes are made by these records.
    void records(std::uint64_t length, ByteSpan bytes);
    /// The records of the segment, appended to `out`.
    void end_segment(Bytes& out);

    /// Largest seen, and what they need; for the header.
    struct Totals {
        std::uint32_t record_bytes = 0;
        std::uint32_t literal_bytes = 0;
        std::uint32_t reference_bytes = 0;
        std::uint8_t features = 0;
    };
    [[nodiscard]] const Totals& totals() const { return totals_; }
    void set_totals(const Totals& totals) { totals_ = totals; }

private:
    struct Piece {
        enum class Kind : std::uint8_t { literals, copy, records };
        Kind kind = Kind::literals;
        std::uint64_t begin = 0;
        std::uint64_t length = 0;
        std::uint64_t old_offset = 0;  // of a copy
        std::size_t record_bytes = 0;  // of records
    };
    struct Packed {
        ScriptForm form = ScriptForm::raw;
        ScriptReference reference = ScriptReference::none;
        Bytes bytes;
    };

    void flush(bool is_last);
    void write_plainly();
    void write_script(bool is_last);
    [[nodiscard]] Bytes control(bool is_last) const;
    Bytes gap_references(ByteSpan control) const;
    Packed pack(ByteSpan bytes, ByteSpan gaps);
    ScriptReference likely_reference(ByteSpan bytes, ByteSpan gaps, ByteSpan whole);
    void try_reference(ByteSpan bytes, ScriptReference kind, ByteSpan reference, Packed& best);
    void note(std::size_t start);

    ByteSpan old_file_;
    ByteSpan new_file_;
    OldRange at_hand_;
    ScriptLimits limits_;
    std::function<bool()> stopped_;
    ZstdEncoder zstd_;
    std::vector<Piece> pieces_;
    Bytes literals_;
    Bytes records_;
    Bytes out_;
    std::uint64_t script_begin_ = 0;
    std::uint64_t at_ = 0;
    std::uint64_t end_ = 0;
    OldCursor cursor_;         // at script_begin_
    OldCursor moving_cursor_;  // at at_
    Totals totals_;
};

}  // namespace strandline::delta
