#include <fmt/core.h>

#include "base/file.h"
#include "base/ids.h"
#include "base/version.h"
#include "cli/simple_command.h"
#include "doctor/machine_checks.h"
#include "doctor/network_checks.h"

namespace strandline::cli {
namespace {

namespace fs = std::filesystem;
using doctor::Report;

void check_versions(Report& report, const std::string& hub) {
    if (hub == program_version) {
        return report.ok("versions", fmt::format("hub and strandline are {}", program_version));
    }
    report.warn("versions", fmt::format("hub {}, strandline {}", hub, program_version),
                "install the same version of the command line");
}

void check_agents(Report& report, HubClient& hub, const std::string& version) {
    const auto devices = hub.get_all("/v1/devices");
    if (!devices) return report.fault("devices", devices.error().message, "see the hub's log");
    std::size_t offline = 0;
    std::size_t other = 0;
    for (const auto& device : *devices) {
        if (device.boolean("revoked")) continue;
        offline += device.boolean("online") ? 0 : 1;
        const auto agent = device.text("agent_version");
        other += !agent.empty() && agent != version ? 1 : 0;
    }
    const auto total = devices->size();
    if (offline == 0) {
        report.ok("devices", fmt::format("{}, all online", total));
    } else {
        report.warn("devices", fmt::format("{} of {} are offline", offline, total),
                    "strandline devices list, then strandline-agent doctor there");
    }
    if (other == 0) return report.ok("agents", "all of the hub's version");
    report.warn("agents", fmt::format("{} of {} have another version than the hub", other, total),
                "upgrade them; older agents work with a newer hub");
}

void check_status(Report& report, HubClient& hub) {
    const auto status = hub.get("/v1/status");
    if (!status) {
        return report.fault("login", status.error().message, "strandline login URL --token ...");
    }
    report.ok("login", "the token is good");
    const auto version = status->text("version");
    check_versions(report, version);
    const auto failed = status->integer("deltas.failed");
    if (failed == 0) {
        report.ok("deltas", "none failed");
    } else {
        report.warn("deltas", fmt::format("{} failed; devices get full files instead", failed),
                    "strandline delta list says why");
    }
    check_agents(report, hub, version);
}

void check_remote_broker(Report& report, const std::string& ca_pem, HubClient& hub) {
    const auto status = hub.get("/v1/status");
    if (!status) return;
    const auto ca_file = fs::temp_directory_path() / make_id("strandline-doctor");
    const auto written = write_file_atomically(ca_file, as_bytes(ca_pem));
    if (!written) {
        return report.warn("broker", written.error().message, "make the temporary folder writable");
    }
    doctor::BrokerProbe probe;
    probe.host = status->text("mqtt.host");
    probe.port = static_cast<std::uint16_t>(status->integer("mqtt.port"));
    probe.ca_file = ca_file;
    doctor::check_broker(report, probe);
    ignore(remove_file(ca_file), "a public certificate in the temporary folder");
}

Status examine(Context& context, const SimpleOptions& options) {
    Report report;
    const auto profile = context.profile();
    if (!profile) {
        report.fault("profile", profile.error().message, "strandline login URL --token ...");
    } else {
        report.ok("profile", profile->url);
        doctor::check_certificate(report, "CA certificate", profile->ca_pem, system_clock(),
                                  "log in again with a new token of the hub");
        net::ClientTls tls;
        tls.ca_pem = profile->ca_pem;
        if (doctor::check_hub(report, profile->url, tls, system_clock())) {
            TRY(auto* hub, context.hub());
            check_status(report, *hub);
            check_remote_broker(report, profile->ca_pem, *hub);
        }
    }
    context.exit_with(doctor::print(report, context.json() || options.flag));
    return {};
}

}  // namespace

void add_doctor_command(Commands& commands) {
    commands.push_back(std::make_unique<SimpleCommand>(
        "doctor", "Look for what is wrong with hub and fleet, as seen from here",
        [](Arguments& arguments, SimpleOptions& options) {
            arguments.flag("--json", options.flag, "the report as JSON");
        },
        examine));
}

}  // namespace strandline::cli
