#include "delta/apply/script_player.h"

#include <algorithm>

#include "delta/coder/lzma_codec.h"

namespace strandline::delta {
namespace {

Error malformed(const char* what) {
    return fail(Errc::corrupt, std::string("delta has a malformed script: ") + what);
}

bool declared(const DeltaInfo& info) { return (info.features & feature_scripts) != 0; }

}  // namespace

ScriptPlayer::ScriptPlayer(const DeltaInfo& info, const ReadAt& old_file)
    : info_(&info),
      old_file_(&old_file),
      at_hand_{0, info.old_size},
      control_(declared(info) ? max_control_bytes : 0),
      literals_(declared(info) ? info.block_bytes : 0) {}

void ScriptPlayer::reset(const OldRange& at_hand) {
    active_ = false;
    at_hand_ = at_hand;
}

Status ScriptPlayer::start(ByteSpan body, std::uint64_t new_offset, std::uint64_t limit,
                           OldCursor cursor, std::span<std::byte> reference) {
    if (!declared(*info_)) return malformed("the header does not declare any");
    if (active_) return malformed("it is within another");
    TRY(const ScriptRecord script, parse_script(body));
    if (script.control_bytes > control_.size() || script.literal_bytes > literals_.size())
        return malformed("it is longer than declared");
    // Each record makes something; one that does not could read the old file for ever.
    if (script.control_bytes == 0 && script.literal_bytes == 0) return malformed("it is empty");
    const auto control = std::span(control_).first(static_cast<std::size_t>(script.control_bytes));
    const auto literals =
        std::span(literals_).first(static_cast<std::size_t>(script.literal_bytes));
    TRY(unpack(script.control_form, script.control, {}, control));
    steps_ = ScriptSteps(control, literals.size(), new_offset, limit, cursor);
    TRY(const auto old, load_reference(script, steps_, reference));
    TRY(unpack(script.literal_form, script.literals, old, literals));
    literals_used_ = 0;
    active_ = true;
    return {};
}

Status ScriptPlayer::unpack(ScriptForm form, ByteSpan packed, ByteSpan reference,
                            std::span<std::byte> out) {
    switch (form) {
        case ScriptForm::raw:
            if (packed.size() != out.size()) return malformed("its length does not fit");
            std::ranges::copy(packed, out.begin());
            return {};
        case ScriptForm::lzma:
            if ((info_->features & feature_lzma) == 0) return malformed("LZMA is not declared");
            return lzma_decode(packed, reference, out);
    }
    return malformed("unknown form");
}

// The ranges are walked twice rather than kept: their number comes from the delta.
Result<ByteSpan> ScriptPlayer::load_reference(const ScriptRecord& script, ScriptSteps steps,
                                              std::span<std::byte> room) const {
    const ByteSpan all = room;
    if (script.reference == ScriptReference::none) return ByteSpan{};
    if (script.reference == ScriptReference::whole) {
        if (at_hand_.length > room.size()) return malformed("it refers to more than declared");
        const auto old = room.first(static_cast<std::size_t>(at_hand_.length));
        TRY(old_file_->read_at(at_hand_.offset, old));
        return ByteSpan(old);
    }
    room = room.first(static_cast<std::size_t>(
        std::min<std::uint64_t>(room.size(), max_references(script.literal_bytes))));
    const std::size_t most = room.size();
    for (;;) {
        TRY(const ScriptStep step, steps.next());
        for (const auto& range : script_references(step, at_hand_)) {
            const auto part = room.first(
                static_cast<std::size_t>(std::min<std::uint64_t>(range.length, room.size())));
            if (!part.empty()) TRY(old_file_->read_at(range.offset, part));
            room = room.subspan(part.size());
        }
        if (step.kind == ScriptStep::Kind::end) return all.first(most - room.size());
    }
}

Result<ScriptPlayer::Step> ScriptPlayer::next() {
    TRY(const ScriptStep step, steps_.next());
    const auto size = static_cast<std::size_t>(step.literals);
    const auto literals = ByteSpan(literals_).subspan(literals_used_, size);
    literals_used_ += size;
    if (step.kind == ScriptStep::Kind::end) active_ = false;
    return Step{step, literals};
}

}  // namespace strandline::delta
