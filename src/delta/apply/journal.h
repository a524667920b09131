#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/result.h"
#include "base/sha256.h"
#include "delta/io.h"

namespace strandline::delta {

/// How far an application in place has come.
struct JournalState {
    std::uint64_t done = 0;      ///< segments that are in place for good
    bool next_is_ready = false;  ///< the output of the next one is in the journal
};

/// The journal of an application in place: two places for states, of which the newer intact one
/// counts, and the output of one segment. A state is written where the older one is, so that a torn
/// write leaves the other.
class Journal {
public:
    /// Where the output of a segment starts.
    static constexpr std::uint64_t output_offset = 8192;

    /// `file` is borrowed. `delta` tells deltas apart.
    Journal(DurableFile& file, const Sha256Digest& delta) : file_(&file), delta_(delta) {}

    /// The state that the file holds of this delta, if any.
    [[nodiscard]] Result<std::optional<JournalState>> load();

    /// Makes room for a segment, and starts with none done.
    [[nodiscard]] Status start(std::uint64_t segment_bytes);

    /// Writes a state; it counts once this has returned, and so does all output written before.
    [[nodiscard]] Status note(const JournalState& state);

    /// Empties the file: there is nothing left to go on with.
    [[nodiscard]] Status clear();

private:
    DurableFile* file_;
    Sha256Digest delta_;
    std::uint64_t sequence_ = 0;  // of the next state
};

}  // namespace strandline::delta
