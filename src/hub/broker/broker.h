#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"

namespace strandline::hub {

/// A listener without TLS for clients that cannot do better, on which anybody may read a few topics
/// and nobody may write or log in as somebody.
struct PlainListener {
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;  ///< 0 takes a free one and keeps it
    std::vector<std::string> readable_topics;
    /// Topics that CN `hub` may write for these clients, beside the topic root.
    bool hub_writes_them = true;
};

struct BrokerOptions {
    std::filesystem::path folder;  ///< for configuration, sessions and messages; made when missing
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;  ///< 0 takes a free one and keeps it in the folder for the next start
    std::filesystem::path ca_file;           ///< who signs client certificates
    std::filesystem::path certificate_file;  ///< of the server, chain included
    std::filesystem::path key_file;
    std::filesystem::path crl_file;  ///< must exist; empty: no revocation
    std::string topic_root = "strandline/v1";
    std::string hub_name = "hub";  ///< CN that may read and write everything under the root
    /// Replaces every client id by the certificate's CN, so that no device can push another out or
    /// take its session. One connection per certificate name, then.
    bool client_id_is_name = true;
    std::optional<PlainListener> plain_listener;
    std::vector<std::string> muted;  ///< devices that may not publish; see Broker::mute()
    /// Of one client that is away. The default of mosquitto (1000) drops messages of a large fleet
    /// to the hub without a word.
    std::size_t max_queued_messages = 100'000;
    std::size_t max_inflight_messages = 1'000;
    std::size_t max_packet_bytes = std::size_t{1} << 20;
    std::chrono::hours session_limit{24 * 7};
    std::chrono::seconds autosave{30};
    std::chrono::milliseconds start_timeout{30'000};
    std::chrono::milliseconds stop_timeout{10'000};
    std::chrono::milliseconds backoff_base{100};
    std::chrono::milliseconds backoff_cap{10'000};
    std::string program = "mosquitto";  ///< path, or a name searched on PATH and in /usr/sbin
};

/// Of making the broker read its files again. It must happen however busy the machine is: who is to
/// be put out would stay as long as it likes.
inline constexpr std::chrono::seconds broker_reload_deadline{25};

/// Runs a real mosquitto as a child: configured for mutual TLS with the access rules of
/// api/mqtt.md, restarted with back-off when it dies, ended with us also when we are killed (then
/// by SIGTERM, so that it saves its state). Its log lines become ours. Thread-safe; blocks, so call
/// from a worker once the event loop runs.
class Broker {
public:
    /// Returns when it accepts connections. A broker that a killed hub left in the same folder is
    /// ended first. Missing program is `not_found`, a taken port `conflict`.
    [[nodiscard]] static Result<std::unique_ptr<Broker>> start(BrokerOptions options);
    ~Broker();
    Broker(const Broker&) = delete;
    Broker& operator=(const Broker&) = delete;

    [[nodiscard]] std::uint16_t port() const;
    /// 0 without one.
    [[nodiscard]] std::uint16_t plain_port() const;
    /// Whether it accepts connections now.
    [[nodiscard]] bool running() const;
    [[nodiscard]] int pid() const;
    /// How often it had to be started again.
    [[nodiscard]] unsigned restarts() const;
    /// Waits until it accepts connections again after a crash.
    [[nodiscard]] Status wait_running(Deadline deadline);

    /// Makes it read certificates and CRL again and returns when it has. Sessions that stand are
    /// not cut: see cut_session().
    [[nodiscard]] Status reload(Deadline deadline);

    /// Takes the right to publish from the devices that `names` returns, gives it back to all
    /// others, and returns when that is so. The broker goes on to read what they send, and refuses
    /// it. `names` is asked while no other call can write its answer: the last one written is the
    /// newest.
    [[nodiscard]] Status mute(const std::function<std::vector<std::string>()>& names,
                              Deadline deadline);

    /// Lets it save its state and end. Idempotent.
    void stop();

private:
    struct Impl;
    explicit Broker(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace strandline::hub
