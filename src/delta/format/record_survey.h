#pragma once

#include <cstdint>

#include "base/result.h"
#include "delta/breakdown.h"
#include "delta/format/record.h"
#include "delta/io.h"

namespace strandline::delta {

/// Sums up what the records of one segment are, without making anything.
class RecordSurvey {
public:
    /// The segment makes [begin, end) of the new file. `sums` is borrowed.
    RecordSurvey(std::uint64_t begin, std::uint64_t end, Breakdown& sums)
        : at_(begin), end_(end), sums_(&sums) {}

    /// Looks at the records in this stretch of `patch`, which have to make the whole segment;
    /// `corrupt` when they do not, or are malformed.
    [[nodiscard]] Status run(const ReadAt& patch, OldRange place);

private:
    // Bytes of a record; `body` may be cut behind what is looked at.
    struct Record {
        std::uint64_t head_bytes = 0;
        std::uint64_t body_bytes = 0;
        ByteSpan body;
        [[nodiscard]] std::uint64_t bytes() const { return head_bytes + body_bytes; }
    };
    Status take(RecordKind kind, const Record& record);
    Status take_script(const Record& record);
    Status made(Coding coding, std::uint64_t length, std::uint64_t record_bytes);

    std::uint64_t at_;
    std::uint64_t end_;
    Breakdown* sums_;
    OldCursor cursor_;
    Bytes buffer_;
    Bytes control_;
};

}  // namespace strandline::delta
