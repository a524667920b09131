#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/metrics.h"
#include "hub/domain.h"
#include "hub/hub_config.h"
#include "hub/state/state_folder.h"
#include "hub/transfer/transfer_gate.h"
#include "hub/transfer/upload_files.h"
#include "net/runtime.h"
#include "store/blob/blob_store.h"
#include "trust/authority.h"

namespace strandline::hub {

class DeltaNews;
class EventFeed;
class OpenBlobs;

/// What handlers need from the rest of the hub. Thread-safe, may be empty in tests.
struct HubSignals {
    /// Desired states changed or devices went: publish what is not published yet.
    std::function<void()> desired_changed = [] {};
    /// Jobs may be waiting for a delta worker.
    std::function<void()> deltas_wanted = [] {};
    /// A device's access ended: renew the CRL and cut its session.
    std::function<void(const std::string& device)> device_revoked = [](const std::string&) {};
    /// Asks a device for something over MQTT.
    std::function<void(const std::string& device, const std::string& name)> send_command =
        [](const std::string&, const std::string&) {};
    /// Why the hub cannot work fully now; empty when it can.
    std::function<std::string()> not_ready = [] { return std::string(); };
    /// Whether the connection to the broker stands.
    std::function<bool()> mqtt_connected = [] { return false; };
};

/// Everything that handlers use. References outlive the server.
struct Services {
    const HubConfig& config;
    const Clock& clock;
    net::Runtime& runtime;
    store::BlobStore& blobs;
    Domain& domain;
    const trust::CertificateAuthority& authority;
    Metrics& metrics;
    EventFeed& feed;
    DeltaNews& delta_news;
    std::shared_ptr<TransferGate> gate;
    std::string keyset_envelope;
    std::shared_ptr<UploadFiles> uploads;  // shared with running requests
    std::shared_ptr<OpenBlobs> open_blobs;
    /// Filled before the server starts.
    RuntimeInfo addresses = {};
    HubSignals signals = {};
    SteadyTime started = {};
};

}  // namespace strandline::hub
