#pragma once

#include <array>
#include <cstdint>
#include <sys/types.h>

#include "base/result.h"

namespace strandline::crash {

/// A call as a thread entered it.
struct RawCall {
    std::uint64_t number = 0;
    std::array<std::uint64_t, 6> arguments{};
};

/// At a seccomp stop: the call that is about to run.
[[nodiscard]] Result<RawCall> read_call(pid_t thread);
/// At the stop after a call: what it returned, -errno for a failure.
[[nodiscard]] Result<std::int64_t> read_outcome(pid_t thread);
/// At a seccomp stop: replaces one argument.
[[nodiscard]] Status replace_argument(pid_t thread, int index, std::uint64_t value);
/// At a seccomp stop: the call is not made. `set_outcome` at the stop after it says what it
/// returned.
[[nodiscard]] Status skip_call(pid_t thread);
[[nodiscard]] Status set_outcome(pid_t thread, std::int64_t value);

}  // namespace strandline::crash
