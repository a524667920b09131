#include "hub/command_line.h"

#include <fmt/core.h>

namespace strandline::hub {
namespace {

class Arguments {
public:
    explicit Arguments(std::span<const std::string_view> rest) : rest_(rest) {}

    [[nodiscard]] bool empty() const { return rest_.empty(); }
    std::string_view next() {
        const auto first = rest_.front();
        rest_ = rest_.subspan(1);
        return first;
    }
    Result<std::string> value_of(std::string_view option) {
        if (rest_.empty()) return fail(Errc::invalid, fmt::format("{} needs a value", option));
        return std::string(next());
    }

private:
    std::span<const std::string_view> rest_;
};

Status read_command(std::string_view word, Arguments& in, CommandLine& line) {
    TRY(const auto second, in.value_of(word));
    if (word == "keys" && second == "rotate") {
        line.command = HubCommand::rotate_keys;
        return {};
    }
    if (word == "tokens" && second == "create") {
        line.command = HubCommand::create_token;
        TRY(line.token_name, in.value_of("tokens create NAME ROLE"));
        TRY(line.token_role, in.value_of("tokens create NAME ROLE"));
        return {};
    }
    return fail(Errc::invalid, fmt::format("unknown command \"{} {}\"", word, second));
}

// Commands of one word.
std::optional<HubCommand> simple_command(std::string_view word) {
    if (word == "backup") return HubCommand::backup;
    if (word == "restore") return HubCommand::restore;
    if (word == "doctor") return HubCommand::doctor;
    if (word == "print-broker-config") return HubCommand::broker_config;
    return std::nullopt;
}

Status check_complete(const CommandLine& line) {
    if (line.command == HubCommand::backup && line.folder.empty())
        return fail(Errc::invalid, "backup needs --to FOLDER");
    if (line.command == HubCommand::restore && line.folder.empty())
        return fail(Errc::invalid, "restore needs --from FOLDER");
    return {};
}

Status read_argument(std::string_view word, Arguments& in, CommandLine& line) {
    if (word == "--config") {
        TRY(line.config, in.value_of(word));
    } else if (word == "--state") {
        TRY(line.state, in.value_of(word));
    } else if (word == "--to" || word == "--from") {
        TRY(line.folder, in.value_of(word));
    } else if (word == "--json") {
        line.json = true;
    } else if (const auto command = simple_command(word)) {
        line.command = *command;
    } else if (word == "--check-config") {
        line.command = HubCommand::check_config;
    } else if (word == "--help" || word == "-h") {
        line.command = HubCommand::help;
    } else if (word == "--version") {
        line.command = HubCommand::version;
    } else if (word.starts_with("-")) {
        return fail(Errc::invalid, fmt::format("unknown option {}", word));
    } else {
        return read_command(word, in, line);
    }
    return {};
}

}  // namespace

Result<CommandLine> parse_command_line(std::span<const std::string_view> arguments) {
    CommandLine line;
    Arguments in(arguments);
    while (!in.empty()) TRY(read_argument(in.next(), in, line));
    TRY(check_complete(line));
    return line;
}

std::string_view usage() {
    return "strandlined: the hub that keeps a fleet's models\n"
           "\n"
           "  strandlined [--config FILE] [--state DIR]          serve until SIGTERM\n"
           "  strandlined --check-config [--config FILE]         check the configuration and exit\n"
           "  strandlined keys rotate [--config FILE] [--state DIR]\n"
           "        replace the signing keys of a stopped hub and sign everything again\n"
           "  strandlined tokens create NAME ROLE [--config FILE] [--state DIR]\n"
           "        make an operator token (viewer, operator, admin) at a stopped hub\n"
           "  strandlined backup --to FOLDER [--config FILE] [--state DIR]\n"
           "        copy database, keys and blobs of a hub, running or not; keep it secret\n"
           "  strandlined restore --from FOLDER [--config FILE] [--state DIR]\n"
           "        check a backup and make a new state folder of it\n"
           "  strandlined doctor [--json] [--config FILE] [--state DIR]\n"
           "        look for what is wrong or soon will be; exit code 0 good, 1 warnings, 2 "
           "faults\n"
           "  strandlined print-broker-config [--to FOLDER] [--config FILE] [--state DIR]\n"
           "        configuration and access rules for a mosquitto that somebody else runs\n"
           "  strandlined --help | --version\n"
           "\n"
           "SIGHUP reads the log settings and the certificates again, opens the log file anew, and "
           "says\n"
           "what else changed and needs a restart. A second SIGTERM ends the hub without "
           "draining.\n"
           "The Debian package's hub: --config /etc/strandline/strandline.toml\n"
           "examples/strandline.toml documents the configuration.\n";
}

}  // namespace strandline::hub
