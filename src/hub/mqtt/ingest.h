#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/metrics.h"
#include "hub/domain.h"
#include "hub/mqtt/mqtt_topics.h"
#include "net/mqtt_client.h"
#include "net/runtime.h"

namespace strandline::hub {

/// One message of a device, taken apart.
struct UpMessage {
    std::string device;
    std::string name;
    std::string payload;
};

/// What a device says on `up/state`.
struct Presence {
    bool online = false;
    std::int64_t boot = 0;
};
[[nodiscard]] Result<Presence> presence_from_json(std::string_view json);

/// What a batch of messages asks the hub to do next.
struct IngestOutcome {
    bool desired_changed = false;  ///< some device acts upon an old generation
    bool deltas_wanted = false;
    std::vector<std::string> unknown;  ///< senders that no longer exist
    /// malformed, in another device's name, or refused by the database
    std::uint64_t rejected = 0;
};

/// Applies a batch in order. Reports share one transaction, unless one of them cannot be stored; of
/// each device's presence only the last word counts: an "online" before its reports, an "offline"
/// after them. Worker thread.
[[nodiscard]] Result<IngestOutcome> apply_batch(Domain& domain, std::span<const UpMessage> batch);

/// Takes messages of devices from the MQTT client to the database, one batch at a time, so that
/// each device's messages stay in order. Of each device and topic only the newest message waits,
/// since each says everything: a device that floods us displaces its own messages and nobody
/// else's. I/O thread.
class Ingest {
public:
    Ingest(net::Runtime& runtime, Domain& domain, Metrics& metrics, std::size_t max_queued);

    /// Called after each batch.
    std::function<void(const IngestOutcome&)> on_outcome = [](const IngestOutcome&) {};

    /// Takes a message in the place of an older one of the same device and topic. When there are
    /// too many, or too many bytes, the one that waits longest goes: devices report again by
    /// themselves.
    void push(UpMessage message);
    /// Works until stop().
    [[nodiscard]] boost::asio::awaitable<void> run();
    void stop();

private:
    using Key = std::pair<std::string, std::string>;  ///< device and name

    [[nodiscard]] boost::asio::awaitable<void> work(std::vector<UpMessage> batch);
    UpMessage take_oldest();

    net::Runtime* runtime_;
    Domain* domain_;
    std::size_t max_queued_;
    std::deque<Key> order_;
    std::map<Key, std::string> waiting_;  ///< payloads
    std::size_t waiting_bytes_ = 0;
    net::Signal wake_;
    bool stopping_ = false;
    Counter* received_;
    Counter* replaced_;
    Counter* dropped_;
    Counter* rejected_;
};

}  // namespace strandline::hub
