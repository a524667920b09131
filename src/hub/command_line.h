#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace strandline::hub {

enum class HubCommand {
    serve,
    check_config,
    rotate_keys,
    create_token,
    backup,
    restore,
    doctor,
    broker_config,
    help,
    version
};

struct CommandLine {
    HubCommand command = HubCommand::serve;
    std::filesystem::path config;
    std::optional<std::filesystem::path> state;
    std::string token_name;
    std::string token_role;
    std::filesystem::path folder;  ///< of a backup, or for a broker's configuration
    bool json = false;
};

/// Reads the arguments after the program's name.
[[nodiscard]] Result<CommandLine> parse_command_line(std::span<const std::string_view> arguments);

[[nodiscard]] std::string_view usage();

/// The whole program; returns its exit code.
[[nodiscard]] int run_program(int argc, const char* const* argv);

}  // namespace strandline::hub
