#include <cstdio>
#include <filesystem>
#include <fmt/core.h>
#include <vector>

#include "base/log.h"
#include "base/version.h"
#include "hub/command_line.h"
#include "hub/hub.h"
#include "hub/hub_parts.h"
#include "hub/state/key_rotation.h"

namespace strandline::hub {
namespace {

Result<HubConfig> load(const CommandLine& line) {
    TRY(auto config, load_hub_config(line.config));
    if (line.state) config.state = *line.state;
    return config;
}

// Whoever waits for the hub reads these lines from a pipe.
void say(const std::string& line) {
    fmt::print("{}\n", line);
    std::fflush(stdout);
}

Status serve(const CommandLine& line, const HubConfig& config) {
    TRY(const auto hub, Hub::create(config));
    hub->handle_signals([&line] {
        const auto fresh = load(line);
        if (!fresh) return log_error("reload: {}", fresh.error().message);
        configure_log(fresh->log.level, fresh->log.format, "strandlined");
        log_info("configuration read again: log level and certificates; the rest needs a restart");
    });
    if (!hub->first_token().empty()) {
        say(fmt::format("operator token (shown once): {}", hub->first_token()));
    }
    const auto& at = hub->addresses();
    say(fmt::format("ready url={} mqtt={}:{}", at.url, at.mqtt_host, at.mqtt_port));
    return hub->run();
}

Status rotate(const HubConfig& config) {
    TRY(const auto done, rotate_hub_keys(config, system_clock()));
    say(fmt::format("key set {}: signed {} manifests and {} desired states again",
                    done.keyset_version, done.manifests, done.desired_states));
    return {};
}

Status create_token(const CommandLine& line, const HubConfig& config) {
    fleet::OperatorTokenRequest request;
    request.name = line.token_name;
    TRY(request.role, fleet::role_from(line.token_role));
    TRY(const auto storage, open_storage(config, system_clock()));
    TRY(const auto made,
        storage->domain->operator_tokens.create(request, storage->authority->certificate_sha256()));
    say(made.text);
    return {};
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
    configure_log(config.log.level, config.log.format, "strandlined");
    switch (line.command) {
        case HubCommand::check_config:
            say("the configuration is good");
            return {};
        case HubCommand::rotate_keys:
            return rotate(config);
        case HubCommand::create_token:
            return create_token(line, config);
        default:
            return serve(line, config);
    }
}

}  // namespace

int run_program(int argc, const char* const* argv) {
    const std::vector<std::string_view> words(argv + (argc > 0 ? 1 : 0), argv + argc);
    const auto line = parse_command_line(words);
    const auto done = line ? execute(*line) : Status(line.error());
    if (done) return 0;
    fmt::print(stderr, "strandlined: {}\n", done.error().message);
    if (!line) fmt::print(stderr, "Try: strandlined --help\n");
    return info(done.error().code).exit_code;
}

}  // namespace strandline::hub
