#include "delta/format/record_survey.h"

#include <algorithm>

#include "delta/coder/coding_of.h"
#include "delta/coder/lzma_codec.h"
#include "delta/format/script.h"
#include "delta/format/varint.h"

namespace strandline::delta {
namespace {

// What is looked at of a record: all that stands in front of its payload. Coded control bytes are
// shorter than plain ones.
constexpr std::size_t looked_at_bytes = max_control_bytes + coding_head_bytes;

Error malformed(const char* what) {
    return fail(Errc::corrupt, std::string("delta is damaged: ") + what);
}

}  // namespace

Status RecordSurvey::run(const ReadAt& patch, OldRange place) {
    std::uint64_t offset = place.offset;
    const std::uint64_t stop = place.offset + place.length;
    while (offset < stop) {
        buffer_.resize(std::min<std::uint64_t>(looked_at_bytes, stop - offset));
        TRY(patch.read_at(offset, buffer_));
        FieldReader in(buffer_);
        const auto kind = static_cast<RecordKind>(in.byte());
        const std::uint64_t length = in.varint();
        const std::uint64_t head = buffer_.size() - in.left();
        if (!in.ok() || length == 0 || length > stop - offset - head)
            return malformed("the length of a record is out of range");
        const auto body = in.take(std::min<std::uint64_t>(length, in.left()));
        TRY(take(kind, {head, length, body}));
        offset += head + length;
    }
    return at_ == end_ ? Status{} : malformed("a segment ends early");
}

Status RecordSurvey::take(RecordKind kind, const Record& record) {
    switch (kind) {
        case RecordKind::copy: {
            TRY(const auto copy, parse_copy(record.body, cursor_.expected(at_)));
            cursor_.moved(at_, copy.source.offset);
            return made(Coding::copy, copy.source.length, record.bytes());
        }
        case RecordKind::fill: {
            TRY(const auto fill, parse_fill(record.body));
            return made(Coding::fill, fill.length, record.bytes());
        }
        case RecordKind::raw:
            return made(Coding::raw, record.body_bytes, record.bytes());
        case RecordKind::coded: {
            TRY(const auto coded, parse_coded(record.body, cursor_.expected(at_)));
            TRY(const auto coding, coding_of(coded));
            return made(coding, coded.length, record.bytes());
        }
        case RecordKind::script:
            return take_script(record);
    }
    return malformed("a record is of an unknown kind");
}

// Records behind a script are met on their own, so only copies and literals count here.
Status RecordSurvey::take_script(const Record& record) {
    TRY(const auto script, parse_script(record.body));
    control_.resize(static_cast<std::size_t>(script.control_bytes));
    if (script.control_form == ScriptForm::lzma) {
        TRY(lzma_decode(script.control, {}, control_));
    } else {
        std::ranges::copy(script.control, control_.begin());
    }
    ScriptSteps steps(control_, script.literal_bytes, at_, end_, cursor_);
    std::uint64_t copied = 0;
    ScriptStep step;
    do {
        TRY(step, steps.next());
        if (step.kind == ScriptStep::Kind::copy) copied += step.length;
    } while (step.kind != ScriptStep::Kind::end);
    const std::uint64_t before_literals = record.body.size() - script.literals.size();
    TRY(made(Coding::literals, script.literal_bytes, record.body_bytes - before_literals));
    return made(Coding::copy, copied, record.head_bytes + before_literals);
}

Status RecordSurvey::made(Coding coding, std::uint64_t length, std::uint64_t record_bytes) {
    if (length > end_ - at_) return malformed("a segment makes too much");
    at_ += length;
    (*sums_)[coding].new_bytes += length;
    (*sums_)[coding].delta_bytes += record_bytes;
    return {};
}

}  // namespace strandline::delta
