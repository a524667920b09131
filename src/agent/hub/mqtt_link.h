#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/hub/identity.h"
#include "agent/hub/messages.h"
#include "net/mqtt_client.h"
#include "policy/token_bucket.h"

namespace strandline::agent {

/// The agent's end of the broker: topics of api/mqtt.md. Belongs to the I/O thread.
class MqttLink {
public:
    struct Handlers {
        std::function<void(std::string payload)> desired;
        std::function<void(const Announcement&)> announced;
        std::function<void(const std::string& name)> command;  ///< report, keyset
        std::function<void()> connected;
        std::function<void()> lost;  ///< also after each connection that could not be made
        /// The time to judge the broker's certificate at; nothing for the machine's clock.
        std::function<std::optional<WallTime>()> verify_time;
    };

    struct Session {
        std::int64_t boot = 0;
        std::chrono::milliseconds timeout{15'000};  ///< for each of CONNECT and SUBSCRIBE
        std::chrono::milliseconds retry_base{250};
        std::chrono::milliseconds retry_cap{30'000};
    };

    [[nodiscard]] static Result<std::unique_ptr<MqttLink>> create(
        net::Runtime& runtime, const HubAddress& address, const std::filesystem::path& identity,
        Session session, Handlers handlers);

    void start();
    /// Says "offline" and leaves.
    [[nodiscard]] boost::asio::awaitable<void> stop(Deadline deadline);
    [[nodiscard]] bool connected() const { return client_->connected(); }
    /// Resolves when the broker has it.
    [[nodiscard]] net::Task<void> send_report(std::string json);
    /// Uses renewed certificate files.
    void reconnect() { client_->reconnect(); }

private:
    /// False for what comes faster than anybody who means well would send.
    [[nodiscard]] bool in_time();
    MqttLink(std::string prefix, std::int64_t boot, Handlers handlers);
    void subscribe(const std::string& root);
    void on_command(const net::MqttMessage& message);
    void on_announce(const net::MqttMessage& message);
    [[nodiscard]] net::MqttMessage presence(std::string_view state) const;

    std::string prefix_;  ///< R/d/{device}
    std::int64_t boot_;
    Handlers handlers_;
    std::chrono::milliseconds reconnect_window_{0};
    policy::TokenBucket rate_;  ///< of commands and announcements that are listened to
    std::unique_ptr<net::MqttClient> client_;
};

}  // namespace strandline::agent
