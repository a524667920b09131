#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "base/result.h"
#include "delta/format/script.h"
#include "delta/info.h"
#include "delta/io.h"

namespace strandline::delta {

/// Unpacks a script and gives out its steps and literals. Its buffers are allocated once, as the
/// header declares.
class ScriptPlayer {
public:
    /// All are borrowed. Without the feature it allocates nothing.
    ScriptPlayer(const DeltaInfo& info, const ReadAt& old_file);

    /// Forgets the script under way; the next one may refer to `at_hand` of the old file.
    void reset(const OldRange& at_hand);
    [[nodiscard]] bool active() const { return active_; }

    /// Starts the script in `body`, which begins at `new_offset` of a segment that ends at `limit`.
    /// `reference` is a buffer for old bytes of info.reference_bytes.
    [[nodiscard]] Status start(ByteSpan body, std::uint64_t new_offset, std::uint64_t limit,
                               OldCursor cursor, std::span<std::byte> reference);

    /// The next step, and its literals (borrowed until the next script). After that of kind `end`
    /// the script is over.
    struct Step {
        ScriptStep step;
        ByteSpan literals;
    };
    [[nodiscard]] Result<Step> next();

private:
    Status unpack(ScriptForm form, ByteSpan packed, ByteSpan reference, std::span<std::byte> out);
    Result<ByteSpan> load_reference(const ScriptRecord& script, ScriptSteps steps,
                                    std::span<std::byte> room) const;

    const DeltaInfo* info_;
    const ReadAt* old_file_;
    OldRange at_hand_;
    Bytes control_;
    Bytes literals_;
    ScriptSteps steps_;
    std::size_t literals_used_ = 0;
    bool active_ = false;
};

}  // namespace strandline::delta
