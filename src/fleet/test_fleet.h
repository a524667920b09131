#pragma once

#include <string>
#include <utility>
#include <vector>

#include "fleet/cluster_store.h"
#include "fleet/deployment_store.h"
#include "fleet/desired_store.h"
#include "fleet/device_store.h"
#include "fleet/event_log.h"
#include "fleet/fleet_service.h"
#include "fleet/join_token_store.h"
#include "registry/channel_store.h"
#include "registry/delta_job_store.h"
#include "registry/release_service.h"
#include "registry/release_store.h"
#include "registry/test_hub.h"
#include "trust/desired_state.h"

// For tests: a fleet with an empty hub's storage.
namespace strandline::fleet::test {

using registry::test::code_of;
using registry::test::must;

inline Selector to_all() {
    Selector selector;
    selector.kind = SelectorKind::all;
    return selector;
}
inline Selector to_cluster(std::string name) {
    Selector selector;
    selector.kind = SelectorKind::cluster;
    selector.cluster = std::move(name);
    return selector;
}
inline Selector to_labels(std::map<std::string, std::string> labels) {
    Selector selector;
    selector.kind = SelectorKind::labels;
    selector.labels = std::move(labels);
    return selector;
}
inline Selector to_devices(std::vector<std::string> devices) {
    Selector selector;
    selector.devices = std::move(devices);
    return selector;
}

class FleetTest : public registry::test::HubTest {
protected:
    using Ids = std::vector<std::string>;
    using Labels = std::map<std::string, std::string>;

    [[nodiscard]] trust::Token join_token(const JoinTokenRequest& request = {}) {
        const auto made = must(join_tokens.create(request, std::string(64, 'a')));
        return must(trust::Token::parse(made.text, trust::join_token_kind));
    }
    [[nodiscard]] IssueCertificate issuer() {
        return [this](const std::string& device) -> Result<trust::IssuedCertificate> {
            return trust::IssuedCertificate{"PEM of " + device, make_id("c"),
                                            clock.wall() + std::chrono::days{90}};
        };
    }
    Enrolled enrol(const std::string& name, std::map<std::string, std::string> labels = {}) {
        EnrolRequest request;
        request.token = join_token();
        request.name = name;
        request.labels = std::move(labels);
        request.arch = "aarch64";
        return must(fleet.enrol(request, issuer()));
    }
    registry::Release push(const std::string& version, std::optional<std::string> channel = {}) {
        auto wanted = request("face", version, "weights of " + version);
        wanted.channel = std::move(channel);
        return must(releases.create(wanted)).release;
    }
    [[nodiscard]] static DeploymentRequest order(const std::string& version, Selector to) {
        DeploymentRequest out;
        out.package = "face";
        out.version = version;
        out.to = std::move(to);
        out.created_by = "operator";
        return out;
    }
    Deployed deploy(const std::string& version, Selector to) {
        return must(fleet.deploy(order(version, std::move(to))));
    }
    [[nodiscard]] trust::DesiredState desired(const std::string& device) {
        const auto record = must(desired_states.get(device));
        const auto envelope = must(trust::envelope_from_json(record.envelope));
        const std::vector keys{key.public_key()};
        auto state = must(trust::desired_state_from_json(
            must(trust::verify_envelope(envelope, trust::desired_type, keys))));
        EXPECT_EQ(state.device, device);
        EXPECT_EQ(state.generation, record.generation);
        EXPECT_EQ(envelope.digest(), record.digest);
        return state;
    }
    /// Version that the only slot shall hold; "-" without a slot.
    [[nodiscard]] std::string wanted(const std::string& device) {
        const auto state = desired(device);
        return state.slots.empty() ? "-" : state.slots.at(0).version;
    }
    [[nodiscard]] DeploymentRow row(const std::string& deployment, const std::string& device) {
        for (auto& item : must(deployments.rows(deployment, {})).items) {
            if (item.device == device) return item;
        }
        ADD_FAILURE() << device << " has no part in " << deployment;
        return {};
    }

    /// What an agent would say: it runs `release`, the newest order being its desired state's.
    [[nodiscard]] trust::Report report(const std::string& device,
                                       const std::optional<registry::Release>& active,
                                       std::string state = "idle") {
        trust::Report out;
        out.device = device;
        out.boot = 1;
        out.sequence = ++sequence;
        out.agent_version = "1.0.0";
        out.resources.arch = "aarch64";
        trust::ReportedSlot slot;
        slot.slot = "face";
        slot.state = std::move(state);
        if (const auto record = desired_states.get(device)) {
            const auto known = desired(device);
            out.generation = known.generation;
            if (!known.slots.empty()) slot.deployment = known.slots[0].deployment;
        }
        if (active) {
            slot.active = trust::ReportedRelease{active->triple.package,
                                                 active->triple.version,
                                                 active->triple.variant,
                                                 active->manifest,
                                                 {}};
            for (const auto& file : active->files) slot.active->files[file.path] = file.sha256;
        }
        out.slots.push_back(std::move(slot));
        return out;
    }
    [[nodiscard]] trust::Report refusal(const std::string& device,
                                        const std::optional<registry::Release>& active,
                                        const registry::Release& refused) {
        auto out = report(device, active);
        out.slots[0].error =
            trust::ReportedError{"self_test", "wrong_answer", "it answers wrongly"};
        out.slots[0].refused = refused.manifest;
        return out;
    }
    [[nodiscard]] std::size_t events_of(std::string_view type) {
        std::size_t count = 0;
        for (const auto& event : must(event_log.after(0, 1000)))
            count += event.type == type ? 1 : 0;
        return count;
    }

    registry::ReleaseService releases{*database, *blobs, clock, signer(trust::manifest_type), {}};
    registry::ReleaseStore release_store{*database};
    registry::ChannelStore channels{*database, clock, {}};
    registry::DeltaJobStore jobs{*database, clock};
    FleetService fleet{*database, clock, signer(trust::desired_type)};
    DeviceStore devices{*database, clock};
    ClusterStore clusters{*database, clock};
    JoinTokenStore join_tokens{*database, clock};
    DeploymentStore deployments{*database};
    DesiredStore desired_states{*database};
    EventLog event_log{*database, clock};
    std::int64_t sequence = 0;
};

}  // namespace strandline::fleet::test
