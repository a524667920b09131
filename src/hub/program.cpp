#include <cstdio>
#include <filesystem>
#include <fmt/core.h>
#include <fmt/ranges.h>
#include <vector>

#include "base/log.h"
#include "base/log_file.h"
#include "base/version.h"
#include "hub/command_line.h"
#include "hub/commands.h"
#include "hub/doctor/examine.h"
#include "hub/hub.h"
#include "hub/open_files.h"
#include "net/service_notify.h"

namespace strandline::hub {
namespace {

Result<HubConfig> load(const CommandLine& line) {
    TRY(auto config, load_hub_config(line.config));
    if (line.state) config.state = *line.state;
    return config;
}

Status set_up_log(const HubConfig& config) {
    TRY(log_to_file(config.log.file));
    configure_log(config.log.level, config.log.format, "strandlined");
    return {};
}

// What a running hub takes from a changed configuration, and what it cannot.
Status reload(const CommandLine& line, const HubConfig& running) {
    TRY(const auto fresh, load(line));
    TRY(set_up_log(fresh));
    log_info("configuration read again; log and certificates are renewed");
    auto waiting = changed_keys(running, fresh);
    std::erase_if(waiting, [](const std::string& key) { return key.starts_with("log."); });
    if (!waiting.empty()) {
        log_warn("configuration changed keys=\"{}\" effect=\"none before a restart\"",
                 fmt::join(waiting, " "));
    }
    return {};
}

// One for each connection, to the hub or to its broker, and as many again for files being sent.
void provide_open_files(const HubConfig& config) {
    constexpr std::size_t own = 200;
    const auto wanted = own + 2 * config.http.max_connections;
    const auto granted = raise_open_files(wanted);
    if (granted >= wanted) return;
    log_warn(
        "{} open files are allowed and {} connections may need {}: set LimitNOFILE={} in the "
        "service, or lower http.max_connections",
        granted, config.http.max_connections, wanted, wanted);
}

Status serve(const CommandLine& line, const HubConfig& config) {
    provide_open_files(config);
    TRY(const auto hub, Hub::create(config));
    hub->handle_signals([&line, &config] {
        net::notify_reloading();
        const auto done = reload(line, config);
        if (!done)
            log_error("configuration not read, going on as before: {}", done.error().message);
        net::notify_service("READY=1");
    });
    if (!hub->first_token().empty()) {
        say(fmt::format("operator token (shown once): {}", hub->first_token()));
    }
    const auto& at = hub->addresses();
    say(fmt::format("ready url={} mqtt={}:{}", at.url, at.mqtt_host, at.mqtt_port));
    return hub->run();
}

Status execute(const CommandLine& line) {
    if (line.command == HubCommand::help) {
        say(std::string(usage()));
        return {};
    }
    if (line.command == HubCommand::version) {
        say(fmt::format("strandlined {}", program_version));
        return {};
    }
    TRY(const auto config, load(line));
    if (line.command == HubCommand::serve) TRY(set_up_log(config));
    return line.command == HubCommand::serve ? serve(line, config) : run_command(line, config);
}

int examine_hub(const CommandLine& line) {
    doctor::Report report;
    const auto config = load(line);
    if (config) report = examine(*config);
    if (!config) {
        report.fault("configuration", config.error().message, "mend it: nothing works before");
    }
    return doctor::print(report, line.json);
}

}  // namespace

int run_program(int argc, const char* const* argv) {
    const std::vector<std::string_view> words(argv + (argc > 0 ? 1 : 0), argv + argc);
    const auto line = parse_command_line(words);
    if (line && line->command == HubCommand::doctor) return examine_hub(*line);
    const auto done = line ? execute(*line) : Status(line.error());
    if (done) return 0;
    fmt::print(stderr, "strandlined: {}\n", done.error().message);
    if (!line) fmt::print(stderr, "Try: strandlined --help\n");
    return info(done.error().code).exit_code;
}

}  // namespace strandline::hub
