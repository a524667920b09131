#include "options.h"

#include <CLI/CLI.hpp>

namespace strandline::fleet_load {
namespace {

constexpr std::size_t max_agents = 20'000;

void add_options(CLI::App& app, Options& options, std::string& log) {
    app.add_option("--hub", options.hub, "https://HOST:PORT of the hub")->required();
    app.add_option("--token", options.token,
                   "join token with enough uses: text, @FILE or - for standard input");
    app.add_option("--state", options.state, "folder for the agents' state folders")->required();
    app.add_option("--count", options.count, "how many agents")
        ->required()
        ->check(CLI::Range(std::size_t{1}, max_agents));
    app.add_option("--prefix", options.prefix, "start of each device id");
    app.add_option("--threads", options.threads, "event loops, each on a thread of its own")
        ->check(CLI::Range(1, 2));
    app.add_option("--parallel", options.parallel, "how many enrol and start at the same time")
        ->check(CLI::Range(1, 1000));
    app.add_option("--config", options.config, "agent.toml for all of them");
    app.add_flag("--mqtt-only", options.mqtt_only,
                 "only the broker connection of an agent: no polling, no downloads");
    app.add_option("--log", log, "debug, info, warn or error");
}

}  // namespace

std::optional<Options> parse_options(int argc, char** argv, int& exit_code) {
    CLI::App app(
        "Hosts many real agents without an inference engine in one process, for tests and\n"
        "benchmarks. Each has its own identity, state folder and connections. Prints one line a\n"
        "second, a line whenever all of them are connected or run the same release, and a JSON\n"
        "summary as its last line. Runs until SIGTERM.",
        "strandline-fleet");
    Options options;
    std::string log = "error";
    add_options(app, options, log);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& wrong) {
        exit_code = app.exit(wrong);
        return std::nullopt;
    }
    const auto level = parse_log_level(log);
    if (!level) {
        exit_code = app.exit(CLI::ValidationError("--log", level.error().message));
        return std::nullopt;
    }
    options.log = *level;
    return options;
}

}  // namespace strandline::fleet_load
