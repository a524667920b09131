#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/bytes.h"
#include "base/result.h"
#include "delta/info.h"
#include "delta/io.h"

namespace strandline::delta {

/// What an applier grants a delta. More is `exhausted`, before anything is allocated or written.
struct Limits {
    std::uint64_t max_output_bytes = std::uint64_t{1} << 40;
    std::uint64_t max_memory_bytes = std::uint64_t{16} << 20;
};

/// When the SHA-256 of the whole old file is compared. Its size always is, first. Wrong output is
/// found in any case, by its own checksums.
enum class OldCheck : std::uint8_t {
    when_wrong,  ///< only to tell which is at fault when output turns out to be wrong
    first,       ///< before any output, which takes a pass over the file
    never,       ///< the caller has just checked it
};

struct ApplyOptions {
    Limits limits;
    OldCheck old_check = OldCheck::when_wrong;
    /// Asked before each MiB of the delta, and after at most 4 MiB that were read of the old file,
    /// or made; true ends the work with `cancelled`.
    std::function<bool()> cancelled;
};

/// How far an applier has come. All three advance together, a segment at a time, so a caller may
/// make the output durable and note them.
struct ApplyProgress {
    std::uint64_t segments = 0;       ///< whole segments written and checked
    std::uint64_t patch_offset = 0;   ///< where the next segment starts in the delta
    std::uint64_t output_offset = 0;  ///< where its output starts
};

/// Turns an old file and the bytes of a delta, in order and in pieces of any size as they arrive
/// from the network, into the new file. Memory is what the header declares, whatever the file
/// sizes. Use the output only after finish() has succeeded: it compares the SHA-256 of the whole.
/// After an error every further call returns that error. One thread at a time.
class Applier {
public:
    /// Both are borrowed until the applier is destroyed.
    Applier(const ReadAt& old_file, Sink& output, ApplyOptions options = {});
    ~Applier();
    Applier(const Applier&) = delete;
    Applier& operator=(const Applier&) = delete;

    /// Takes the next bytes of the delta and writes what they make. A wrong old file is `conflict`
    /// (before any output with OldCheck::first), damage `corrupt`, an unknown version or record
    /// `invalid`.
    [[nodiscard]] Status push(ByteSpan bytes);

    /// Says that the delta is complete; checks size and SHA-256 of the output.
    [[nodiscard]] Status finish();

    /// Every byte of the delta has been pushed and the output is complete, though unchecked.
    [[nodiscard]] bool complete() const;

    /// What the header says; null until it has been pushed.
    [[nodiscard]] const DeltaInfo* info() const;

    /// The bytes before the first segment (header and segment index), to be kept for resume();
    /// empty until they have been pushed.
    [[nodiscard]] ByteSpan prologue() const;

    [[nodiscard]] ApplyProgress progress() const;

    /// Continues earlier work: call it instead of the first push(). `prologue` is what prologue()
    /// gave, `written` the output so far, of any length. Whole segments of it that are intact are
    /// kept (and hashed again). Then cut the output to `output_offset` of the answer, and push the
    /// delta from `patch_offset` on.
    [[nodiscard]] Result<ApplyProgress> resume(ByteSpan prologue, const ReadAt& written);

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace strandline::delta
