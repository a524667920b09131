#pragma once

#include <memory>
#include <string>

#include "hub/hub_config.h"
#include "hub/state/state_folder.h"

namespace strandline::hub {

/// A whole hub: state folder, keys, database, broker, MQTT session, API server and workers. Several
/// can live in one process with different state folders.
class Hub {
public:
    /// Opens or makes everything, starts the broker, listens and writes hub.json. Nothing is
    /// served before run(); connections wait until then.
    [[nodiscard]] static Result<std::unique_ptr<Hub>> create(HubConfig config);
    ~Hub();
    Hub(const Hub&) = delete;
    Hub& operator=(const Hub&) = delete;

    [[nodiscard]] const RuntimeInfo& addresses() const;
    /// The administrator's token of a new hub, shown only now; empty at later starts.
    [[nodiscard]] const std::string& first_token() const;
    /// The hub's CA certificate, PEM.
    [[nodiscard]] const std::string& ca_certificate() const;

    /// Serves on the calling thread until stop(), then drains and removes hub.json.
    [[nodiscard]] Status run();
    /// Ends run(). Thread-safe, idempotent.
    void stop();

    /// Stops at SIGTERM and SIGINT; at SIGHUP reads certificates again and calls `reload`.
    void handle_signals(std::function<void()> reload);

private:
    struct Impl;
    explicit Hub(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace strandline::hub
