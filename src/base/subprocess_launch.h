#pragma once

#include <array>
#include <sys/types.h>

#include "base/file.h"
#include "base/subprocess.h"

namespace strandline::detail {

/// A child that has been started, seen from the thread that did it.
struct Launched {
    pid_t pid = -1;
    UniqueFd end;     ///< reported by poll(2) once the child is dead
    UniqueFd output;  ///< read end, non-blocking; none unless captured or read by lines
    UniqueFd error;
};

/// fork and exec. The kernel ties the child's life to the calling thread (PR_SET_PDEATHSIG), so
/// that thread must not end before the child does.
[[nodiscard]] Result<Launched> launch(const ChildOptions& options);

}  // namespace strandline::detail
