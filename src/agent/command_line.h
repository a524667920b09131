#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/run/self_test.h"
#include "base/result.h"

namespace strandline::agent {

/// What the user asked for.
struct CommandLine {
    enum class Command { help, version, enroll, run, doctor, self_test };
    Command command = Command::help;
    std::filesystem::path state = "/var/lib/strandline-agent";
    std::optional<std::filesystem::path> config;
    std::string hub;
    std::string token;  ///< as given: text, `@FILE`, or `-`
    std::string name;
    std::map<std::string, std::string> labels;
    bool json = false;  ///< doctor: its report as JSON
    SelfTestJob job;
};

/// `invalid` names the option and what it needs.
[[nodiscard]] Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments);

/// The token itself: the text, the first line of a file (`@FILE`), or of standard input (`-`).
[[nodiscard]] Result<std::string> read_token(std::string_view argument);

[[nodiscard]] std::string usage();

/// main() of strandline-agent. Returns the exit code of the error catalogue.
[[nodiscard]] int agent_main(const std::vector<std::string>& arguments);

}  // namespace strandline::agent
