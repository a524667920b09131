#include "hub/commands.h"

#include <cstdio>
#include <fmt/core.h>

#include "base/file.h"
#include "base/log_file.h"
#include "hub/backup/backup.h"
#include "hub/broker/broker_config.h"
#include "hub/hub_parts.h"
#include "hub/state/key_rotation.h"

namespace strandline::hub {
namespace {

Status check(const HubConfig& config) {
    // The one setting that fails before anything else runs, and under a unit's walls alone.
    TRY(check_log_file(config.log.file));
    say("the configuration is good");
    return {};
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
    TRY(require_hub(config.state));
    TRY(const auto storage, open_storage(config, system_clock()));
    TRY(const auto made,
        storage->domain->operator_tokens.create(request, storage->authority->certificate_sha256()));
    say(made.text);
    return {};
}

Status make_backup(const CommandLine& line, const HubConfig& config) {
    TRY(const auto made, back_up(config, line.config, line.folder));
    say(fmt::format(
        "backup {}: database schema {}, {} files, {} blobs of {} bytes\n"
        "It holds the hub's private keys: keep it as safe as the hub itself.",
        line.folder.string(), made.schema, made.files.size(), made.blobs, made.blob_bytes));
    return {};
}

Status restore(const CommandLine& line, const HubConfig& config) {
    TRY(const auto restored, restore_backup(config, system_clock(), line.folder));
    const auto made = to_rfc3339(restored.record.made);
    say(fmt::format(
        "restored {} as of {}: hashes, signatures and references are good\n"
        "Generations go on above {}, the key set is version {}.\n"
        "Not in it: what happened after {}. Revoke again what was revoked since; "
        "devices enrolled since must enrol anew.",
        config.state.string(), made, restored.generation_floor, restored.keyset_version, made));
    return {};
}

// Text for somebody else's mosquitto, with the files of this hub.
Result<BrokerOptions> external_broker(const HubConfig& config) {
    const TlsFiles tls(std::filesystem::absolute(config.state) / "tls");
    auto options = broker_options(config, tls);
    options.folder = "/etc/mosquitto/strandline";
    const bool local = config.mqtt.host == "localhost" || config.mqtt.host.starts_with("127.");
    options.address = local ? "127.0.0.1" : "0.0.0.0";
    if (options.port == 0) return fail(Errc::invalid, "set mqtt.port to the broker's port");
    if (!std::filesystem::exists(options.crl_file)) {
        return fail(Errc::not_found,
                    "the hub makes the broker's certificate at its first start; "
                    "start it once before, it waits for the broker");
    }
    return options;
}

Status print_broker_config(const CommandLine& line, const HubConfig& config) {
    TRY(auto options, external_broker(config));
    if (line.folder.empty()) {
        say(external_broker_config(options));
        say("# ---- " + (options.folder / "acl").string() + " ----");
        say(broker_acl(options));
        return {};
    }
    options.folder = std::filesystem::absolute(line.folder);
    TRY(make_folders(options.folder));
    constexpr unsigned readable = 0644;
    TRY(write_file_atomically(options.folder / "strandline.conf",
                              as_bytes(external_broker_config(options)), readable));
    TRY(write_file_atomically(options.folder / "acl", as_bytes(broker_acl(options)), readable));
    say(fmt::format("wrote {0}/strandline.conf and {0}/acl", options.folder.string()));
    return {};
}

}  // namespace

void say(const std::string& line) {
    fmt::print("{}\n", line);
    std::fflush(stdout);
}

Status run_command(const CommandLine& line, const HubConfig& config) {
    switch (line.command) {
        case HubCommand::check_config:
            return check(config);
        case HubCommand::rotate_keys:
            return rotate(config);
        case HubCommand::create_token:
            return create_token(line, config);
        case HubCommand::backup:
            return make_backup(line, config);
        case HubCommand::restore:
            return restore(line, config);
        case HubCommand::broker_config:
            return print_broker_config(line, config);
        default:
            return fail(Errc::internal, "this command is run elsewhere");
    }
}

}  // namespace strandline::hub
