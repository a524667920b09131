#pragma once

#include <memory>
#include <optional>
#include <string>

#include "agent/agent.h"
#include "agent/desired_keeper.h"
#include "agent/device_state.h"
#include "agent/disk/release_store.h"
#include "agent/disk/state_folder.h"
#include "agent/hub/hub_client.h"
#include "agent/hub/identity.h"
#include "agent/hub/key_keeper.h"
#include "agent/hub/mqtt_link.h"
#include "agent/reporter.h"
#include "agent/resources.h"
#include "agent/run/release_host.h"
#include "agent/tasks.h"
#include "agent/transfer/download.h"
#include "agent/updater.h"
#include "base/file.h"
#include "gateway/model_table.h"
#include "net/http_server.h"
#include "store/blob/blob_store.h"

namespace strandline::agent {

/// The parts of one agent, in the order in which they need each other.
struct AgentParts {
    AgentParts(net::Runtime& runtime_in, AgentOptions options_in);

    net::Runtime& runtime;
    AgentOptions options;
    StateFolder state;
    std::optional<LockFile> lock;
    Identity identity;
    std::unique_ptr<DeviceState> device;
    std::unique_ptr<store::BlobStore> blobs;
    std::unique_ptr<ReleaseStore> releases;
    std::unique_ptr<HubClient> hub;
    std::unique_ptr<KeyKeeper> keys;
    std::unique_ptr<DesiredKeeper> desired;
    gateway::ModelTable models;
    std::unique_ptr<ReleaseHost> host;
    std::unique_ptr<Pace> pace;
    std::unique_ptr<ByteBudget> budget;
    std::unique_ptr<DownloadLine> line;
    Tasks tasks;
    std::unique_ptr<Updater> updater;
    std::unique_ptr<Reporter> reporter;
    // One for each listener: the load is that since its last question.
    std::unique_ptr<ResourceSampler> resources;
    std::unique_ptr<ResourceSampler> scraped_resources;
    std::unique_ptr<MqttLink> mqtt;
    std::unique_ptr<net::HttpServer> server;
    net::Signal hub_news;  ///< a message of the broker, or time to poll
    net::Signal renewal_wake;
    std::optional<std::string> desired_message;  ///< the newest one not looked at yet
    Announcement announced;
    bool refresh_keys = false;
    /// When a pointer to a desired state is to be followed; none came otherwise.
    std::optional<Deadline> pointer_due;
    // What the broker says is acted upon at a bounded rate, whatever it sends.
    Deadline next_message = Deadline::after(std::chrono::nanoseconds{0});
    Deadline next_refresh = Deadline::after(std::chrono::nanoseconds{0});
    Deadline next_pointer = Deadline::after(std::chrono::nanoseconds{0});
    std::int64_t sequence = 0;

    /// Asks the hub, and looks at what the broker brought, until the agent ends.
    [[nodiscard]] boost::asio::awaitable<void> follow_hub();
    [[nodiscard]] trust::Report build_report();
    [[nodiscard]] net::Task<void> send_report(std::string json);

    [[nodiscard]] Status open_state();
    [[nodiscard]] Status open_hub();
    [[nodiscard]] Status open_serving();
    [[nodiscard]] Status open_broker();

private:
    [[nodiscard]] trust::Report describe(ResourceSampler& sampler) const;
    [[nodiscard]] net::Task<net::Response> tell_metrics();
    [[nodiscard]] boost::asio::awaitable<void> handle_news();
    [[nodiscard]] net::Task<void> look_at_message(std::string payload);
    [[nodiscard]] Deadline next_look(Deadline poll_due) const;
    [[nodiscard]] bool poll_is_due(Deadline poll_due);
    [[nodiscard]] net::Task<void> poll();
    [[nodiscard]] net::Task<void> accept(trust::Envelope envelope);
    [[nodiscard]] std::chrono::milliseconds next_poll();
    /// When the clock is behind the time floor: the time to judge the hub's certificates at.
    [[nodiscard]] std::optional<WallTime> verify_time() const;
};

}  // namespace strandline::agent
