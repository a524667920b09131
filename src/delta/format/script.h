#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "delta/format/old_access.h"
#include "delta/format/record.h"
#include "delta/format/varint.h"

namespace strandline::delta {

/// Control bytes of one script, decoded.
inline constexpr std::uint32_t max_control_bytes = 64u << 10;

/// How a stream of a script is stored; numbers are part of the format.
enum class ScriptForm : std::uint8_t { raw = 0, lzma = 1 };

/// What the literals of a script may refer to; numbers are part of the format.
enum class ScriptReference : std::uint8_t {
    none = 0,
    gaps = 1,   ///< what the copies leave out of the old file; see script_references()
    whole = 2,  ///< the old file
};

/// Body of a record `script`, before its streams are decoded. Spans are borrowed.
struct ScriptRecord {
    std::uint64_t literal_bytes = 0;
    std::uint64_t control_bytes = 0;
    ScriptForm control_form = ScriptForm::raw;
    ScriptForm literal_form = ScriptForm::raw;
    ScriptReference reference = ScriptReference::none;
    ByteSpan control;
    ByteSpan literals;
};

void append_script(Bytes& out, const ScriptRecord& script);
/// Fields that make no sense alone are `corrupt`.
[[nodiscard]] Result<ScriptRecord> parse_script(ByteSpan body);

/// One step: literals, and then a copy or bytes of the records that follow the script.
struct ScriptStep {
    enum class Kind : std::uint8_t { copy, records, end };

    std::uint64_t literals = 0;
    Kind kind = Kind::end;
    std::uint64_t length = 0;      ///< of the copy, or of what the records make
    std::uint64_t old_offset = 0;  ///< of a copy, modulo 2^64
    std::uint64_t expected = 0;    ///< old offset where the literals start, if nothing moved
};

/// Writes the steps of a control stream.
class ScriptWriter {
public:
    /// A copy of `length` bytes; `expected` is its old offset if nothing moved.
    void copy(std::uint64_t literals, std::uint64_t length, std::uint64_t old_offset,
              std::uint64_t expected);
    /// The last copy reaches the end of the segment.
    void copy_rest(std::uint64_t literals, std::uint64_t old_offset, std::uint64_t expected);
    void records(std::uint64_t literals, std::uint64_t length);
    [[nodiscard]] const Bytes& control() const { return control_; }

private:
    Bytes control_;
};

/// Reads the steps of a control stream and keeps track of where they are.
class ScriptSteps {
public:
    ScriptSteps() = default;
    /// `control` is borrowed; the script starts at `new_offset`, its segment ends at `limit`.
    ScriptSteps(ByteSpan control, std::uint64_t literals, std::uint64_t new_offset,
                std::uint64_t limit, OldCursor cursor)
        : control_(control),
          literals_(literals),
          new_offset_(new_offset),
          limit_(limit),
          cursor_(cursor) {}

    /// The next step; the one of kind `end` is the last. What does not fit the segment or the
    /// number of literals is `corrupt`.
    [[nodiscard]] Result<ScriptStep> next();

private:
    FieldReader control_{ByteSpan{}};
    std::uint64_t literals_ = 0;  // not used yet
    std::uint64_t new_offset_ = 0;
    std::uint64_t limit_ = 0;
    OldCursor cursor_;
};

/// Most bytes of all references of a script together, beside what the header declares.
[[nodiscard]] constexpr std::uint64_t max_references(std::uint64_t literal_bytes) {
    return 4096 + 64 * literal_bytes;
}

/// The old bytes that the literals of a step most likely resemble: what lies between the copies on
/// both sides. Both within the old bytes at hand, and maybe empty. Part of the format: section 3.1.
[[nodiscard]] std::array<OldRange, 2> script_references(const ScriptStep& step,
                                                        const OldRange& at_hand);

}  // namespace strandline::delta
