#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"

namespace strandline::hub {

/// Everything that strandline.toml may say. Defaults make a hub that works alone on one machine.
/// examples/strandline.toml documents each key with unit and range; a test keeps the two in step.
struct HubConfig {
    std::filesystem::path state = "strandline-state";

    struct Http {
        std::string address = "127.0.0.1";
        std::uint16_t port = 8443;       ///< 0 takes a free one
        std::string public_host;         ///< what devices call; empty: see effective_public_host()
        std::vector<std::string> names;  ///< further DNS names and addresses of the certificate
        std::size_t max_connections = 10'000;
        std::size_t max_connections_per_address = 0;  ///< 0: three quarters of max_connections
        std::size_t worker_threads = 4;
        std::size_t max_queued_work = 10'000;
        std::chrono::milliseconds drain{10'000};

        /// The limit that holds, with its default worked out.
        [[nodiscard]] std::size_t effective_connections_per_address() const;
    } http;

    struct Database {
        std::string url;  ///< empty: sqlite in the state folder
        std::size_t sessions = 8;
    } database;

    struct Mqtt {
        bool external = false;  ///< mode = "external": use a broker that somebody else runs
        std::string address = "127.0.0.1";
        std::string host;  ///< what devices call; empty: as http.public_host
        std::uint16_t port = 8883;
        std::string root = "strandline/v1";
        bool tls = true;
        std::string ca_file;
        std::string certificate_file;
        std::string key_file;
        std::size_t max_outbox = 10'000;
        std::size_t max_ingest = 20'000;
        std::chrono::seconds mute{60};  ///< of a device that floods the broker, the first time
        std::chrono::milliseconds spread{0};
        std::chrono::milliseconds reconnect_window{5'000};
        std::chrono::milliseconds poll_interval{300'000};
    } mqtt;

    struct Transfers {
        std::uint64_t bytes_per_second = 0;               ///< all devices together; 0 is no limit
        std::uint64_t bytes_per_second_per_transfer = 0;  ///< 0 is no limit
        std::size_t max_concurrent = 256;
    } transfers;

    struct Uploads {
        std::uint64_t max_bytes = std::uint64_t{16} << 30;
        std::chrono::seconds expiry{86'400};
    } uploads;

    struct Deltas {
        std::size_t workers = 1;  ///< builds at a time
        unsigned threads = 2;     ///< of all builds together
        std::chrono::seconds lease{120};
        std::uint32_t max_decoder_memory_bytes = std::uint32_t{8} << 20;
    } deltas;

    struct Enrolment {
        std::chrono::days certificate_validity{90};
        std::uint32_t attempts_per_minute = 600;
        std::uint32_t failures_per_minute = 30;  ///< of one address
    } enrolment;

    struct Retention {
        std::chrono::seconds interval{600};
        std::chrono::seconds blob_grace{86'400};
        std::uint64_t max_events = 100'000;
        std::chrono::seconds presence_silence{3'600};  ///< see effective_presence_silence()
    } retention;

    struct Log {
        LogLevel level = LogLevel::info;
        LogFormat format = LogFormat::text;
        std::filesystem::path file;  ///< empty: standard error
    } log;

    struct Legacy {
        bool enabled = false;
        std::string address = "127.0.0.1";
        std::uint16_t port = 8000;
        std::string public_url;  ///< origin in download links; empty: from address and port
        std::string token;       ///< shared secret; empty asks for none
        std::uint16_t mqtt_port = 1883;
        std::uint64_t max_document_bytes = std::uint64_t{2} << 30;
    } legacy;

    /// What file and environment say, as text by key; the rest has its default.
    std::map<std::string, std::string, std::less<>> given;

    /// Host name or address that devices and operators use for the API.
    [[nodiscard]] std::string effective_public_host() const;
    [[nodiscard]] std::string effective_mqtt_host() const;
    [[nodiscard]] std::string effective_database_url() const;
    /// After how long without a word a device counts as offline: agents speak at least once in each
    /// poll interval, so never less than three of them.
    [[nodiscard]] std::chrono::milliseconds effective_presence_silence() const;
};

/// Every key as "table.key": the environment variable of `http.port` is STRANDLINE_HTTP_PORT.
[[nodiscard]] std::span<const std::string_view> hub_config_keys();

/// Keys that were given other values in `b` than in `a`.
[[nodiscard]] std::vector<std::string> changed_keys(const HubConfig& a, const HubConfig& b);

/// Reads TOML text; unknown keys and values out of range are `invalid` and named.
[[nodiscard]] Result<HubConfig> parse_hub_config(std::string_view text, std::string_view name);

/// Defaults, then the file (when given), then the environment (STRANDLINE_*).
[[nodiscard]] Result<HubConfig> load_hub_config(const std::filesystem::path& file);

}  // namespace strandline::hub
