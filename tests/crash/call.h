#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"
#include "crash/registers.h"
#include "crash/syscall_table.h"

namespace strandline::crash {

/// One call that touches the watched folder, with its names looked up.
struct Call {
    const SyscallInfo* info = nullptr;
    RawCall raw;
    std::filesystem::path path;  ///< of the name or the descriptor that is changed
    std::filesystem::path to;    ///< of a rename
    bool creates = false;        ///< an open of a name that is not there
    bool empties = false;        ///< an open that truncates
    std::string label;           ///< the call and its names, without what differs between runs

    [[nodiscard]] Effect effect() const { return info->effect; }
    /// Needs room on the disk, so that a full one would refuse it.
    [[nodiscard]] bool needs_space() const;
};

/// Looks at a thread at its seccomp stop. Nothing when the call does not touch the folder `root`
/// (a canonical path) or cannot change anything.
[[nodiscard]] Result<std::optional<Call>> decode(pid_t thread, const RawCall& raw,
                                                 const std::filesystem::path& root);

/// A path inside the root without random ids and digests: `slots/leaf/pointer.json.tmp-*`.
[[nodiscard]] std::string stable_name(const std::filesystem::path& path);

}  // namespace strandline::crash
