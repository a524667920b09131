#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "delta/format/old_range.h"
#include "delta/format/old_view.h"

namespace strandline::delta {

/// What a segment is made of; format.md section 3. Numbers are part of the format.
enum class RecordKind : std::uint8_t {
    copy = 1,    ///< bytes of the old file
    fill = 2,    ///< one byte, repeated
    raw = 3,     ///< bytes as they are
    coded = 4,   ///< a block made by a coder from its payload and windows of the old file
    script = 5,  ///< copies, literals between them, and places for the records that follow
};

inline constexpr std::size_t max_windows = 16;
/// In the place of the number of windows.
inline constexpr std::size_t view_mark = 32;
/// Kind and length of a record take at most this much in front of its body.
inline constexpr std::size_t max_record_head_bytes = 6;

struct CopyRecord {
    OldRange source;
};
struct FillRecord {
    std::byte value{};
    std::uint64_t length = 0;
};
struct CodedRecord {
    std::uint8_t coder = 0;
    std::uint64_t length = 0;  ///< of new bytes
    std::vector<OldRange> windows;
    std::optional<OldView> view;  ///< in the place of windows; borrows
    ByteSpan payload;             ///< borrowed
};

/// Where the old file is expected to continue: offsets are stored as differences from this, so
/// that an unmoved region costs one byte. Starts anew with each segment.
class OldCursor {
public:
    [[nodiscard]] std::uint64_t expected(std::uint64_t new_offset) const {
        return new_offset + shift_;
    }
    /// Only copies move the expectation.
    void moved(std::uint64_t new_offset, std::uint64_t old_offset) {
        shift_ = old_offset - new_offset;
    }

private:
    std::uint64_t shift_ = 0;  // modulo 2^64, so that a shift may be negative
};

// Writers append one whole record.
void append_record(Bytes& out, RecordKind kind, ByteSpan head, ByteSpan middle = {},
                   ByteSpan rest = {});
void append_copy(Bytes& out, OldRange source, std::uint64_t expected);
void append_fill(Bytes& out, std::byte value, std::uint64_t length);
void append_raw(Bytes& out, ByteSpan bytes);
void append_coded(Bytes& out, const CodedRecord& record, std::uint64_t expected);

// Readers take the body of a record. Fields that make no sense alone are `corrupt`; ranges are not
// compared with any file here.
[[nodiscard]] Result<CopyRecord> parse_copy(ByteSpan body, std::uint64_t expected);
[[nodiscard]] Result<FillRecord> parse_fill(ByteSpan body);
[[nodiscard]] Result<CodedRecord> parse_coded(ByteSpan body, std::uint64_t expected);

}  // namespace strandline::delta
