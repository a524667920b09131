#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>

#include "base/log.h"

namespace strandline::fleet_load {

/// The command line of strandline-fleet.
struct Options {
    std::string hub;
    std::string token;  ///< text, `@FILE` or `-`; only for those that are not enrolled yet
    std::filesystem::path state;
    std::optional<std::filesystem::path> config;  ///< agent.toml of every agent
    std::string prefix = "light";                 ///< device ids are PREFIX-00001 and so on
    std::size_t count = 1;
    std::size_t threads = 1;    ///< event loops, each with its own thread
    std::size_t parallel = 16;  ///< how many start at the same time
    bool mqtt_only = false;
    LogLevel log = LogLevel::error;
};

/// Nothing when the program is to end with `exit_code`, after help or a mistake that was shown.
[[nodiscard]] std::optional<Options> parse_options(int argc, char** argv, int& exit_code);

}  // namespace strandline::fleet_load
