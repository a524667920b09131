#pragma once

#include <sys/types.h>

#include "base/file.h"

namespace strandline::detail {

/// A descriptor that poll(2) reports on once this child has ended; it stays a zombie. A pidfd, or
/// on kernels before 5.3 the end of a pipe that a thread holds.
[[nodiscard]] Result<UniqueFd> watch_process_end(pid_t child);

/// The same by a thread alone.
[[nodiscard]] Result<UniqueFd> watch_process_end_by_thread(pid_t child);

}  // namespace strandline::detail
