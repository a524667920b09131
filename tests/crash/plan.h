#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace strandline::crash {

/// What to do at the chosen call.
enum class Action {
    none,         ///< only count
    stop_before,  ///< SIGKILL, the call is not made
    stop_after,   ///< SIGKILL, the call was made
    cut_power,    ///< SIGKILL before the call, and unsynced bytes and names are gone
    cut_data,     ///< SIGKILL before the call, and unsynced bytes are gone
    fail_call,    ///< the call returns an error
    short_call,   ///< the call transfers half of its bytes
};

/// What a run of the tool was asked for.
struct Plan {
    std::filesystem::path root;
    Action action = Action::none;
    /// `LABEL#K`: the K-th call with that label; or a number: that call of all.
    std::string at;
    int error = 0;          ///< errno of fail_call
    bool lasting = false;   ///< fail_call: and every later call that the same trouble would hit
    bool children = false;  ///< count and act on child processes too
    bool reads = false;     ///< count reads too
    std::filesystem::path trace;  ///< one line for each call
    std::vector<std::string> command;
};

/// Reads the command line; prints help itself and returns nothing then.
[[nodiscard]] Result<std::optional<Plan>> parse_plan(int argc, char** argv);

}  // namespace strandline::crash
