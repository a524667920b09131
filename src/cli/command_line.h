#pragma once

#include <string>

#include "cli/command.h"

namespace strandline::cli {

enum class OutputFormat { text, json };

/// What every command accepts.
struct GlobalOptions {
    OutputFormat output = OutputFormat::text;
    std::string profile;  ///< path of the profile file; empty is the default place
    bool quiet = false;
};

/// Every command of the program.
[[nodiscard]] Commands all_commands();

/// Parses the arguments and runs one command. Returns the exit code of the error catalogue.
[[nodiscard]] int run_command_line(int argc, const char* const* argv);

/// A completion script for `shell` (bash, zsh or fish) made from the declared commands.
[[nodiscard]] Result<std::string> completion_script(std::string_view shell,
                                                    const Commands& commands);

}  // namespace strandline::cli
