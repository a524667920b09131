#include "delta/format/script.h"

#include <algorithm>

namespace strandline::delta {
namespace {

constexpr unsigned literal_form_shift = 2;
constexpr unsigned reference_shift = 4;
constexpr unsigned field_mask = 3;

// Control: after the number of literals.
constexpr std::uint64_t records_follow = 0;
constexpr std::uint64_t copy_to_end = 1;  // else a copy of this many bytes - 1

Error malformed(const char* what) {
    return fail(Errc::corrupt, std::string("delta has a malformed script: ") + what);
}

OldRange within(std::uint64_t offset, std::uint64_t length, const OldRange& at_hand) {
    if (offset >= at_hand.offset + at_hand.length) return {};
    return common_range({offset, length}, at_hand);
}

}  // namespace

void append_script(Bytes& out, const ScriptRecord& script) {
    Bytes head;
    append_varint(head, script.literal_bytes);
    append_varint(head, script.control_bytes);
    head.push_back(
        static_cast<std::byte>(static_cast<unsigned>(script.control_form) |
                               static_cast<unsigned>(script.literal_form) << literal_form_shift |
                               static_cast<unsigned>(script.reference) << reference_shift));
    if (script.control_form != ScriptForm::raw) append_varint(head, script.control.size());
    append_record(out, RecordKind::script, head, script.control, script.literals);
}

Result<ScriptRecord> parse_script(ByteSpan body) {
    FieldReader in(body);
    ScriptRecord script;
    script.literal_bytes = in.varint();
    script.control_bytes = in.varint();
    const unsigned forms = in.byte();
    script.control_form = static_cast<ScriptForm>(forms & field_mask);
    script.literal_form = static_cast<ScriptForm>(forms >> literal_form_shift & field_mask);
    script.reference = static_cast<ScriptReference>(forms >> reference_shift & field_mask);
    if (!in.ok() || forms >> (reference_shift + 2) != 0 || script.control_form > ScriptForm::lzma ||
        script.literal_form > ScriptForm::lzma || script.reference > ScriptReference::whole) {
        return malformed("unknown form");
    }
    if (script.control_bytes > max_control_bytes) return malformed("it is too long");
    const bool packed = script.control_form != ScriptForm::raw;
    script.control = in.take(packed ? in.varint() : script.control_bytes);
    script.literals = in.rest();
    if (!in.ok()) return malformed("it ends early");
    return script;
}

void ScriptWriter::copy(std::uint64_t literals, std::uint64_t length, std::uint64_t old_offset,
                        std::uint64_t expected) {
    append_varint(control_, literals);
    append_varint(control_, length + 1);
    append_varint(control_, zigzag(static_cast<std::int64_t>(old_offset - expected)));
}

void ScriptWriter::copy_rest(std::uint64_t literals, std::uint64_t old_offset,
                             std::uint64_t expected) {
    append_varint(control_, literals);
    append_varint(control_, copy_to_end);
    append_varint(control_, zigzag(static_cast<std::int64_t>(old_offset - expected)));
}

void ScriptWriter::records(std::uint64_t literals, std::uint64_t length) {
    append_varint(control_, literals);
    append_varint(control_, records_follow);
    append_varint(control_, length);
}

Result<ScriptStep> ScriptSteps::next() {
    ScriptStep step;
    step.expected = cursor_.expected(new_offset_);
    const bool at_end = control_.left() == 0;
    step.literals = at_end ? literals_ : control_.varint();
    if (step.literals > literals_ || step.literals > limit_ - new_offset_)
        return malformed("it has too few literals, or too many");
    literals_ -= step.literals;
    new_offset_ += step.literals;
    if (at_end) return step;
    const std::uint64_t what = control_.varint();
    if (what == records_follow) {
        step.kind = ScriptStep::Kind::records;
        step.length = control_.varint();
    } else {
        step.kind = ScriptStep::Kind::copy;
        step.length = what == copy_to_end ? limit_ - new_offset_ : what - 1;
        step.old_offset =
            cursor_.expected(new_offset_) + static_cast<std::uint64_t>(unzigzag(control_.varint()));
        cursor_.moved(new_offset_, step.old_offset);
    }
    if (!control_.ok() || step.length == 0 || step.length > limit_ - new_offset_)
        return malformed("a step does not fit");
    new_offset_ += step.length;
    return step;
}

std::array<OldRange, 2> script_references(const ScriptStep& step, const OldRange& at_hand) {
    constexpr std::uint64_t margin = 64;
    // What was copied last is often like what comes, too.
    constexpr std::uint64_t most_before = 256;
    if (step.literals == 0) return {};
    const std::uint64_t before = std::min(step.expected, most_before);
    const std::uint64_t begin = step.expected - before;
    if (step.kind != ScriptStep::Kind::copy) {
        return {within(begin, before + step.literals + step.literals / 2 + margin, at_hand), {}};
    }
    const std::uint64_t between = step.old_offset - step.expected;  // modulo 2^64
    if (between <= 4 * step.literals + 4096) return {within(begin, before + between, at_hand), {}};
    const std::uint64_t back = std::min(step.literals, step.old_offset);
    return {within(begin, before + step.literals, at_hand),
            within(step.old_offset - back, back, at_hand)};
}

}  // namespace strandline::delta
