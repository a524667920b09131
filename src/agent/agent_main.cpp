#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/command_line.h"
#include "agent/doctor/examine.h"
#include "agent/hub/enroll.h"
#include "agent/run/footprint.h"
#include "base/log.h"
#include "base/log_file.h"
#include "base/version.h"
#include "net/service_notify.h"

namespace strandline::agent {
namespace {

constexpr std::chrono::seconds stop_timeout{10};
// Connecting, TLS and the first report are done by then on any device.
constexpr std::chrono::seconds start_span{5};

int exit_code(const Error& error) {
    std::cerr << "strandline-agent: " << error.message << "\n";
    return info(error.code).exit_code;
}

net::Runtime::Options runtime_options() {
    net::Runtime::Options options;
    // One may hash or test while others infer.
    options.worker_threads = 3;
    return options;
}

int run_enroll(const CommandLine& line) {
    auto token = read_token(line.token);
    if (!token) return exit_code(token.error());
    net::Runtime runtime(runtime_options());
    EnrollOptions options;
    options.hub_url = line.hub;
    options.token = std::move(*token);
    options.name = line.name;
    options.labels = line.labels;
    const auto device =
        runtime.block_on(enroll(runtime, StateFolder(line.state), std::move(options)));
    if (!device) return exit_code(device.error());
    std::cout << "enrolled device=" << *device << "\n" << std::flush;
    return 0;
}

boost::asio::awaitable<void> serve(Agent& agent, bool& ready) {
    co_await agent.start();
    ready = true;
    net::notify_service("READY=1");
    std::cout << "ready serve=" << agent.serve_url() << " device=" << agent.device() << "\n"
              << std::flush;
    co_await net::sleep_for(start_span);
    log_debug("start is over code_bytes={}", release_startup_code());
}

boost::asio::awaitable<void> shut_down(net::Runtime& runtime, Agent& agent) {
    net::notify_service("STOPPING=1");
    const bool ended = co_await agent.stop(Deadline::after(stop_timeout));
    if (!ended) {
        // The disk is safe at any moment, so a peer that does not answer need not be waited for.
        log_warn("stopping without waiting for open requests");
        std::_Exit(0);
    }
    runtime.stop();
}

Status set_up_log(const AgentConfig& config) {
    TRY(log_to_file(config.log.file));
    configure_log(config.log.level, config.log.format, "strandline-agent");
    return {};
}

Status reload(const CommandLine& line) {
    TRY(const auto fresh, load_agent_config(line.config));
    TRY(set_up_log(fresh));
    log_info("configuration read again: the log settings; the rest needs a restart");
    return {};
}

void reload_and_tell(const CommandLine& line) {
    net::notify_reloading();
    const auto done = reload(line);
    if (!done) log_error("configuration not read, going on as before: {}", done.error().message);
    net::notify_service("READY=1");
}

int run_agent(const CommandLine& line) {
    auto config = load_agent_config(line.config);
    if (!config) return exit_code(config.error());
    const auto logging = set_up_log(*config);
    if (!logging) return exit_code(logging.error());
    bool ready = false;
    net::Runtime runtime(runtime_options());
    AgentOptions options;
    options.config = std::move(*config);
    options.state_folder = line.state;
    const auto agent = Agent::create(runtime, std::move(options));
    if (!agent) return exit_code(agent.error());
    auto& running = **agent;
    runtime.on_signals([&runtime, &running] { runtime.spawn(shut_down(runtime, running)); },
                       [&line] { reload_and_tell(line); });
    runtime.spawn(net::keep_watchdog());
    // Hashing the releases of a full SD card takes minutes.
    runtime.spawn(net::extend_start(ready));
    runtime.spawn(serve(running, ready));
    runtime.run();
    return 0;
}

int run_doctor(const CommandLine& line) {
    doctor::Report report;
    const auto config = load_agent_config(line.config);
    if (config) report = examine(*config, StateFolder(line.state));
    if (!config) {
        report.fault("configuration", config.error().message, "mend it: nothing works before");
    }
    return doctor::print(report, line.json);
}

}  // namespace

int agent_main(const std::vector<std::string>& arguments) {
    const auto line = parse_command_line(arguments);
    if (!line) return exit_code(line.error());
    switch (line->command) {
        case CommandLine::Command::help:
            std::cout << usage();
            return 0;
        case CommandLine::Command::version:
            std::cout << "strandline-agent " << program_version << "\n";
            return 0;
        case CommandLine::Command::enroll:
            return run_enroll(*line);
        case CommandLine::Command::run:
            return run_agent(*line);
        case CommandLine::Command::doctor:
            return run_doctor(*line);
        case CommandLine::Command::self_test:
            self_test_main(line->job);
    }
    return 1;
}

}  // namespace strandline::agent
