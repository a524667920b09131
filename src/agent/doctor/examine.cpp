#include "agent/doctor/examine.h"

#include <fmt/core.h>

#include "agent/hub/identity.h"
#include "agent/hub/messages.h"
#include "base/file.h"
#include "base/version.h"
#include "doctor/machine_checks.h"
#include "doctor/network_checks.h"
#include "infer/engine.h"

namespace strandline::agent {
namespace {

namespace fs = std::filesystem;
using doctor::Report;

constexpr std::uint64_t needed_files = 512;
constexpr std::chrono::hours leftover_age{24 * 7};

void check_engine(Report& report, const AgentConfig& config) {
    infer::EngineOptions options;
    options.library = config.engine.library;
    const auto engine = infer::open_onnx_engine(options);
    if (engine) return report.ok("ONNX Runtime", (*engine)->description());
    report.warn("ONNX Runtime", engine.error().message,
                "install the package strandline-onnxruntime, or set engine.library; without it "
                "models are delivered and not run");
}

void check_state(Report& report, const StateFolder& state) {
    const auto format = state.check_format();
    if (format) {
        report.ok("state folder", fmt::format("{}, format {}", state.root().string(), *format));
    } else {
        report.fault("state folder", format.error().message, "use the version that wrote it");
    }
    const auto record = state.load_device();
    if (!record) {
        return report.fault("device record", record.error().message,
                            "restart the agent: it makes a new one, and the hub orders anew");
    }
    report.ok("device record",
              fmt::format("generation {}, boot {}", record->generation, record->boot));
    if (record->time_floor > system_clock().wall())
        doctor::check_clock(report, system_clock().wall(), record->time_floor,
                            "a time that was signed already");
}

void check_slots(Report& report, const StateFolder& state) {
    const auto slots = state.slots();
    if (!slots) return report.fault("slots", slots.error().message, "check the disk");
    for (const auto& slot : *slots) {
        const auto pointer = state.load_pointer(slot);
        const auto journal = state.load_journal(slot);
        const auto name = "slot " + slot;
        if (!pointer || !journal) {
            report.fault(name, (pointer ? journal.error() : pointer.error()).message,
                         "restart the agent: what it can it mends, and it reports the rest");
        } else if (journal->refusal) {
            report.warn(name, "refused the last order: " + journal->refusal->error.message,
                        "order another release; the former one serves meanwhile");
        } else {
            report.ok(name,
                      pointer->active ? "active " + pointer->active->hex().substr(0, 12) : "empty");
        }
    }
}

doctor::BrokerProbe probe_of(const Identity& identity, const StateFolder& state, bool running) {
    doctor::BrokerProbe probe;
    probe.host = identity.address.mqtt_host;
    probe.port = identity.address.mqtt_port;
    probe.ca_file = state.identity() / "ca.pem";
    probe.topic_root = identity.address.mqtt_root;
    probe.name = identity.address.device;
    // A second connection of this name would end the first.
    if (running) return probe;
    probe.certificate_file = state.identity() / "cert.pem";
    probe.key_file = state.identity() / "key.pem";
    return probe;
}

void check_membership(Report& report, const std::string& url, const net::ClientTls& tls) {
    const auto answer = doctor::ask(tls, url + "/v1/whoami");
    if (!answer) {
        return report.fault("membership", answer.error().message,
                            "look at the hub's log for the reason");
    }
    if (answer->status != 200) {
        return report.fault("membership", net::to_error(*answer, "the hub").message,
                            "when it was revoked or is unknown there, enrol it anew");
    }
    report.ok("membership", "the hub knows this device");
    const auto version = version_in(answer->body);
    if (!version) return;
    if (*version == program_version) {
        report.ok("versions", fmt::format("hub and agent are {}", program_version));
    } else {
        report.warn("versions", fmt::format("hub {}, agent {}", *version, program_version),
                    "upgrade the hub first, then its devices");
    }
}

void check_network(Report& report, const StateFolder& state, const Identity& identity) {
    net::ClientTls tls;
    tls.ca_pem = identity.ca_pem;
    tls.certificate_pem = identity.certificate_pem;
    tls.private_key_pem = identity.private_key_pem;
    if (doctor::check_hub(report, identity.address.hub, tls, system_clock()))
        check_membership(report, identity.address.hub, tls);
    if (identity.address.mqtt_port == 0) return;
    const bool running = fs::exists(state.info_file());
    doctor::check_broker(report, probe_of(identity, state, running));
}

}  // namespace

Report examine(const AgentConfig& config, const StateFolder& state) {
    Report report;
    report.ok("configuration", "read");
    check_engine(report, config);
    doctor::check_open_files(report, needed_files);
    const auto identity = load_identity(state.identity());
    if (!identity) {
        report.fault("identity", identity.error().message, "strandline-agent enroll");
        return report;
    }
    report.ok("identity", identity->address.device);
    doctor::check_disk(report, state.root());
    const std::vector<fs::path> secrets{state.root(), state.identity(),
                                        state.identity() / "key.pem"};
    doctor::check_private(report, secrets);
    doctor::check_certificate(report, "device certificate", identity->certificate_pem,
                              system_clock(),
                              "a running agent renews it: check that it reaches the hub; once "
                              "expired, enrol anew");
    check_state(report, state);
    check_slots(report, state);
    doctor::check_leftovers(report, state.partials(), leftover_age, system_clock());
    check_network(report, state, *identity);
    return report;
}

}  // namespace strandline::agent
