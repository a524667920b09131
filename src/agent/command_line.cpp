#include "agent/command_line.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <iostream>

#include "base/file.h"
#include "base/ids.h"

namespace strandline::agent {
namespace {

using Command = CommandLine::Command;
using Setter = std::function<Status(CommandLine&, const std::string&)>;

struct Option {
    std::string name;
    std::vector<Command> commands;
    Setter set;
};

Status set_label(CommandLine& line, const std::string& value) {
    const auto equals = value.find('=');
    if (equals == std::string::npos)
        return fail(Errc::invalid, "--label needs key=value, got " + value);
    TRY(check_name("label", value.substr(0, equals)));
    line.labels[value.substr(0, equals)] = value.substr(equals + 1);
    return {};
}

Setter text(std::string CommandLine::*field) {
    return [field](CommandLine& line, const std::string& value) -> Status {
        line.*field = value;
        return {};
    };
}

Setter job_path(std::filesystem::path SelfTestJob::*field) {
    return [field](CommandLine& line, const std::string& value) -> Status {
        line.job.*field = value;
        return {};
    };
}

Setter job_number(double SelfTestJob::*field) {
    return [field](CommandLine& line, const std::string& value) -> Status {
        const auto* end = value.data() + value.size();
        const auto [stop, error] = std::from_chars(value.data(), end, line.job.*field);
        if (error != std::errc{} || stop != end)
            return fail(Errc::invalid, value + " is not a number");
        return {};
    };
}

const std::vector<Option>& options() {
    static const std::vector<Option> all{
        {"--state",
         {Command::enroll, Command::run, Command::doctor},
         [](CommandLine& line, const std::string& value) -> Status {
             line.state = value;
             return {};
         }},
        {"--config",
         {Command::run, Command::doctor},
         [](CommandLine& line, const std::string& value) -> Status {
             line.config = value;
             return {};
         }},
        {"--hub", {Command::enroll}, text(&CommandLine::hub)},
        {"--token", {Command::enroll}, text(&CommandLine::token)},
        {"--name", {Command::enroll}, text(&CommandLine::name)},
        {"--label", {Command::enroll}, set_label},
        {"--entry", {Command::self_test}, job_path(&SelfTestJob::entry)},
        {"--bundle", {Command::self_test}, job_path(&SelfTestJob::bundle)},
        {"--library", {Command::self_test}, job_path(&SelfTestJob::library)},
        {"--absolute", {Command::self_test}, job_number(&SelfTestJob::absolute)},
        {"--relative", {Command::self_test}, job_number(&SelfTestJob::relative)},
        {"--golden",
         {Command::self_test},
         [](CommandLine& line, const std::string& value) -> Status {
             line.job.golden = value;
             return {};
         }},
    };
    return all;
}

const Option* find_option(Command command, std::string_view name) {
    for (const auto& option : options()) {
        if (option.name != name) continue;
        for (const auto allowed : option.commands) {
            if (allowed == command) return &option;
        }
    }
    return nullptr;
}

Result<Command> parse_command(std::string_view word) {
    if (word == "enroll") return Command::enroll;
    if (word == "run") return Command::run;
    if (word == "doctor") return Command::doctor;
    if (word == "selftest") return Command::self_test;
    if (word == "--version" || word == "version") return Command::version;
    if (word == "--help" || word == "-h" || word == "help") return Command::help;
    return fail(Errc::invalid, "unknown command " + std::string(word) + "; try --help");
}

Status check_complete(const CommandLine& line) {
    if (line.command == Command::enroll && line.hub.empty()) {
        return fail(Errc::invalid, "enroll needs --hub URL");
    }
    if (line.command == Command::enroll && line.token.empty()) {
        return fail(Errc::invalid,
                    "enroll needs --token TEXT, --token @FILE, or --token - for standard input");
    }
    if (line.command == Command::self_test && line.job.entry.empty()) {
        return fail(Errc::invalid, "selftest needs --entry FILE");
    }
    return {};
}

std::string first_line(std::string value) {
    value.resize(std::min(value.size(), value.find('\n')));
    while (!value.empty() && (value.back() == '\r' || value.back() == ' ')) value.pop_back();
    return value;
}

}  // namespace

Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments) {
    CommandLine line;
    if (arguments.empty()) return fail(Errc::invalid, "no command given; try --help");
    TRY(line.command, parse_command(arguments.front()));
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        auto name = arguments[i];
        std::optional<std::string> value;
        if (const auto equals = name.find('=');
            name.starts_with("--") && equals != std::string::npos) {
            value = name.substr(equals + 1);
            name.resize(equals);
        }
        if (name == "--help") {
            line.command = Command::help;
            return line;
        }
        if (name == "--json" && line.command == Command::doctor) {
            line.json = true;
            continue;
        }
        const auto* option = find_option(line.command, name);
        if (option == nullptr) {
            return fail(Errc::invalid,
                        arguments.front() + " has no option " + name + "; try --help");
        }
        if (!value && ++i < arguments.size()) value = arguments[i];
        if (!value) return fail(Errc::invalid, name + " needs a value");
        TRY(option->set(line, *value));
    }
    TRY(check_complete(line));
    return line;
}

Result<std::string> read_token(std::string_view argument) {
    constexpr std::size_t max_token_bytes = std::size_t{64} * 1024;
    if (argument == "-") {
        std::string line;
        std::getline(std::cin, line);
        if (line.empty()) return fail(Errc::invalid, "standard input holds no token");
        return first_line(std::move(line));
    }
    if (!argument.starts_with('@')) return std::string(argument);
    TRY(auto content, read_text_file(std::filesystem::path(argument.substr(1)), max_token_bytes));
    return first_line(std::move(content));
}

std::string usage() {
    return "strandline-agent: keeps the right models running on this device\n"
           "\n"
           "  strandline-agent enroll --hub URL --token TEXT|@FILE|- [--state DIR] [--name N] "
           "[--label k=v]...\n"
           "      Joins a hub. A token in a file or on standard input stays out of the process "
           "list.\n"
           "  strandline-agent run [--state DIR] [--config FILE]\n"
           "      Runs until SIGTERM. Prints `ready serve=URL` once the models on disk are "
           "served.\n"
           "      SIGHUP reads the log settings again and opens the log file anew.\n"
           "  strandline-agent doctor [--state DIR] [--config FILE] [--json]\n"
           "      Looks for what is wrong or soon will be: exit code 0 good, 1 warnings, 2 "
           "faults.\n"
           "  strandline-agent --version | --help\n"
           "\n"
           "  DIR is /var/lib/strandline-agent unless given. Settings: examples/agent.toml, or "
           "the\n"
           "  environment: STRANDLINE_AGENT_SERVE_PORT=0 sets `port` of table [serve].\n";
}

}  // namespace strandline::agent
