#include "hub/doctor/examine.h"

#include <array>
#include <cstdlib>
#include <fmt/core.h>

#include "base/file.h"
#include "base/folder_format.h"
#include "base/ids.h"
#include "base/subprocess.h"
#include "doctor/machine_checks.h"
#include "doctor/network_checks.h"
#include "hub/hub_parts.h"
#include "hub/state/upgrade.h"
#include "store/sql/sqlite_file.h"
#include "trust/authority.h"

namespace strandline::hub {
namespace {

namespace fs = std::filesystem;
using doctor::Report;

constexpr std::size_t max_pem = 64 * 1024;
// Listeners, database, blobs and the broker's pipes, beside the connections.
constexpr std::uint64_t own_files = 200;

void check_state(Report& report, const fs::path& state) {
    const auto format = read_folder_format(state);
    if (!format) {
        return report.fault("state folder", format.error().message,
                            "restore the folder from a backup");
    }
    if (!*format) {
        return report.warn("state folder", state.string() + " has format 1",
                           "start the hub: it upgrades the folder and keeps a copy");
    }
    report.judge("state folder",
                 check_folder_format(state, **format, hub_program, newest_state_format),
                 fmt::format("{}, format {}", state.string(), (*format)->format),
                 "use the version that wrote it");
}

void check_secrets(Report& report, const fs::path& state) {
    std::vector<fs::path> files{state, state / "keys", state / "hub.db"};
    std::error_code failed;
    for (fs::recursive_directory_iterator at(state / "keys", failed), end; !failed && at != end;
         at.increment(failed)) {
        const auto kind = at->path().extension();
        if (kind == ".pem" || kind == ".key") files.push_back(at->path());
    }
    for (const auto* name : {"tls/server.key", "tls/hub.key"}) {
        if (fs::exists(state / name)) files.push_back(state / name);
    }
    if (!fs::exists(files[2])) files.erase(files.begin() + 2);
    doctor::check_private(report, files);
}

void check_pem(Report& report, std::string_view check, const fs::path& file,
               const std::string& remedy) {
    const auto pem = read_text_file(file, max_pem);
    if (!pem) return report.fault(check, pem.error().message, remedy);
    doctor::check_certificate(report, check, *pem, system_clock(), remedy);
}

void check_certificates(Report& report, const HubConfig& config) {
    const TlsFiles tls(config.state / "tls");
    check_pem(report, "CA certificate", config.state / "keys" / "ca" / "ca.crt",
              "restore keys/ca from a backup: every device trusts this CA alone");
    if (!fs::exists(tls.server_chain)) return;
    check_pem(report, "server certificate", tls.server_chain,
              "a running hub renews it; restart the hub and look at its log");
    check_pem(report, "hub certificate", tls.client_certificate,
              "a running hub renews it; restart the hub and look at its log");
    std::string wanted;
    for (const auto& name : certificate_names(config)) wanted += name + "\n";
    if (read_text_file(tls.names, max_pem).value_or("") == wanted) {
        report.ok("certificate names", "as configured");
    } else {
        report.warn("certificate names", "not those of the configuration",
                    "restart the hub: it makes a certificate for the new names");
    }
}

void check_database(Report& report, const HubConfig& config) {
    const auto file = store::sqlite_file_of(config.effective_database_url());
    if (!file) {
        return report.ok("database", "PostgreSQL: the hub's readyz tells whether it answers");
    }
    const auto schema = store::sqlite_schema_version(*file);
    if (!schema) {
        return report.fault("database", schema.error().message, "restore it from a backup");
    }
    const int known = static_cast<int>(store::hub_migrations().size());
    if (*schema > known) {
        report.fault("schema", fmt::format("version {}, this program knows {}", *schema, known),
                     "use the newer program, or restore a backup made before the upgrade");
    } else if (*schema < known) {
        report.warn("schema", fmt::format("version {} of {}", *schema, known),
                    "start the hub: it upgrades the database and keeps a copy");
    } else {
        report.ok("schema", fmt::format("version {}", *schema));
    }
    report.judge("database", store::check_sqlite(*file), file->string() + " is whole",
                 "restore it from a backup: strandlined restore");
}

// The limit of the hub that runs, or else of one that would be started from here. The lock file
// names its process.
void check_open_files(Report& report, const HubConfig& config) {
    int pid = 0;
    if (fs::exists(config.state / "hub.json")) {
        constexpr std::string_view word = "pid ";
        const auto text = read_text_file(config.state / "hub.lock", 32).value_or("");
        if (text.starts_with(word))
            pid = static_cast<int>(std::strtol(text.c_str() + word.size(), nullptr, 10));
    }
    doctor::check_open_files(report, config.http.max_connections + own_files, pid);
}

void check_broker_program(Report& report, const HubConfig& config) {
    if (config.mqtt.external) return;
    ChildOptions options;
    const std::array<fs::path, 1> extra{"/usr/sbin"};
    const auto program = find_program("mosquitto", extra);
    if (!program) {
        return report.fault("mosquitto", program.error().message, "install the package mosquitto");
    }
    options.argv = {program->string(), "-h"};
    options.time_limit = std::chrono::seconds(5);
    const auto ran = run_child(std::move(options));
    if (!ran) return report.fault("mosquitto", ran.error().message, "install it anew");
    report.ok("mosquitto", ran->output.substr(0, ran->output.find('\n')));
}

// A client certificate of an hour, so that no session of a device or the hub is disturbed.
Result<doctor::BrokerProbe> make_probe(const HubConfig& config, const fs::path& scratch) {
    const TlsFiles tls(config.state / "tls");
    doctor::BrokerProbe probe;
    const bool own_host = !config.mqtt.external;
    probe.host = own_host ? config.mqtt.address : config.mqtt.host;
    if (probe.host == "0.0.0.0" || probe.host == "::") probe.host = "127.0.0.1";
    probe.port = config.mqtt.port;
    if (const auto kept = read_text_file(config.state / "broker" / "port", 16); own_host && kept)
        probe.port = static_cast<std::uint16_t>(std::strtoul(kept->c_str(), nullptr, 10));
    probe.ca_file = config.mqtt.ca_file.empty() ? tls.ca.string() : config.mqtt.ca_file;
    probe.topic_root = config.mqtt.root;
    probe.name = "strandline-doctor";
    TRY(const auto authority,
        trust::CertificateAuthority::open_or_create(config.state / "keys" / "ca",
                                                    "Strandline hub CA", system_clock()));
    TRY(const auto made, authority->issue_client(probe.name, std::chrono::hours(1)));
    TRY(make_folders(scratch));
    TRY(write_file_atomically(scratch / "doctor.crt", as_bytes(made.issued.certificate_pem)));
    TRY(write_file_atomically(scratch / "doctor.key", as_bytes(made.private_key_pem)));
    probe.certificate_file = scratch / "doctor.crt";
    probe.key_file = scratch / "doctor.key";
    return probe;
}

void check_running_broker(Report& report, const HubConfig& config) {
    const auto scratch = fs::temp_directory_path() / make_id("strandline-doctor");
    const auto probe = make_probe(config, scratch);
    if (probe) {
        doctor::check_broker(report, *probe);
    } else {
        report.fault("broker", probe.error().message, "run as the owner of the state folder");
    }
    std::error_code ignored;
    fs::remove_all(scratch, ignored);
}

void check_network(Report& report, const HubConfig& config) {
    const auto info = read_runtime_info(config.state);
    if (!info) {
        report.ok("hub", "is not running here");
        doctor::check_port_free(report, "API port", config.http.address, config.http.port);
        if (!config.mqtt.external)
            doctor::check_port_free(report, "broker port", config.mqtt.address, config.mqtt.port);
        if (config.mqtt.external && fs::exists(config.state / "keys"))
            check_running_broker(report, config);
        return;
    }
    net::ClientTls tls;
    tls.ca_pem = read_text_file(config.state / "keys" / "ca" / "ca.crt", max_pem).value_or("");
    if (doctor::check_hub(report, info->url, tls, system_clock()))
        check_running_broker(report, config);
}

}  // namespace

Report examine(const HubConfig& config) {
    Report report;
    report.ok("configuration", "read");
    check_open_files(report, config);
    check_broker_program(report, config);
    if (!fs::exists(config.state / "keys" / "keyset.json")) {
        report.warn("state folder", config.state.string() + " holds no hub yet",
                    "start the hub, or give --state");
        return report;
    }
    check_state(report, config.state);
    doctor::check_disk(report, config.state);
    check_secrets(report, config.state);
    check_certificates(report, config);
    check_database(report, config);
    const auto age = std::chrono::duration_cast<std::chrono::hours>(config.uploads.expiry);
    for (const auto* name : {"blobs/tmp", "staging", "uploads"})
        doctor::check_leftovers(report, config.state / name, age * 2, system_clock());
    check_network(report, config);
    return report;
}

}  // namespace strandline::hub
