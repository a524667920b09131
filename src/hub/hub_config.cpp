#include "hub/hub_config.h"

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <fmt/core.h>
#include <unistd.h>

#include "base/config.h"
#include "base/json.h"
#include "net/tls_context.h"

namespace strandline::hub {
namespace {

constexpr std::int64_t max_int = std::int64_t{1} << 53;

constexpr auto keys = std::to_array<std::string_view>({"hub.state",
                                                       "http.address",
                                                       "http.port",
                                                       "http.public_host",
                                                       "http.names",
                                                       "http.max_connections",
                                                       "http.max_connections_per_address",
                                                       "http.worker_threads",
                                                       "http.max_queued_work",
                                                       "http.drain_ms",
                                                       "database.url",
                                                       "database.sessions",
                                                       "mqtt.mode",
                                                       "mqtt.address",
                                                       "mqtt.host",
                                                       "mqtt.port",
                                                       "mqtt.root",
                                                       "mqtt.tls",
                                                       "mqtt.ca_file",
                                                       "mqtt.certificate_file",
                                                       "mqtt.key_file",
                                                       "mqtt.max_outbox",
                                                       "mqtt.max_ingest",
                                                       "mqtt.mute_s",
                                                       "mqtt.spread_ms",
                                                       "mqtt.reconnect_window_ms",
                                                       "mqtt.poll_interval_ms",
                                                       "transfers.bytes_per_second",
                                                       "transfers.bytes_per_second_per_transfer",
                                                       "transfers.max_concurrent",
                                                       "uploads.max_bytes",
                                                       "uploads.expiry_s",
                                                       "deltas.workers",
                                                       "deltas.threads",
                                                       "deltas.lease_s",
                                                       "deltas.max_decoder_memory_bytes",
                                                       "enrolment.certificate_days",
                                                       "enrolment.attempts_per_minute",
                                                       "enrolment.failures_per_minute",
                                                       "retention.interval_s",
                                                       "retention.blob_grace_s",
                                                       "retention.max_events",
                                                       "retention.presence_silence_s",
                                                       "log.level",
                                                       "log.format",
                                                       "log.file",
                                                       "legacy.enabled",
                                                       "legacy.address",
                                                       "legacy.port",
                                                       "legacy.public_url",
                                                       "legacy.token",
                                                       "legacy.mqtt_port",
                                                       "legacy.max_document_bytes"});

// Reads one integer key, keeping the default's value and type.
template <class T>
void read_number(JsonReader& in, std::string_view key, T& field, std::int64_t min,
                 std::int64_t max) {
    field = static_cast<T>(in.integer_or(key, static_cast<std::int64_t>(field), min, max));
}

template <class Rep, class Period>
void read_duration(JsonReader& in, std::string_view key, std::chrono::duration<Rep, Period>& field,
                   std::int64_t min, std::int64_t max) {
    using Duration = std::chrono::duration<Rep, Period>;
    field = Duration{static_cast<Rep>(in.integer_or(key, field.count(), min, max))};
}

void read_text(JsonReader& in, std::string_view key, std::string& field) {
    field = in.text_or(key, field);
}

/// Of an interface to listen at.
void read_address(JsonReader& in, std::string& field) {
    read_text(in, "address", field);
    if (!net::is_ip_literal(field)) in.reject("address", "must be an IPv4 or IPv6 address");
}

void read_http(JsonReader& in, HubConfig::Http& http) {
    read_address(in, http.address);
    read_number(in, "port", http.port, 0, 65'535);
    read_text(in, "public_host", http.public_host);
    for (const auto& name : in.array("names")) {
        if (const auto* text = name.if_string()) {
            http.names.emplace_back(text->data(), text->size());
        } else {
            in.reject("names", "must be a list of texts");
        }
    }
    read_number(in, "max_connections", http.max_connections, 1, 1'000'000);
    read_number(in, "max_connections_per_address", http.max_connections_per_address, 0, 1'000'000);
    read_number(in, "worker_threads", http.worker_threads, 1, 256);
    read_number(in, "max_queued_work", http.max_queued_work, 16, 1'000'000);
    read_duration(in, "drain_ms", http.drain, 0, 600'000);
}

void read_database(JsonReader& in, HubConfig::Database& database) {
    read_text(in, "url", database.url);
    read_number(in, "sessions", database.sessions, 1, 256);
}

void check_root(JsonReader& in, const std::string& root) {
    const bool bad = root.empty() || root.size() > 128 || root.front() == '/' ||
                     root.back() == '/' || root.front() == '$' ||
                     root.find_first_of("+# \t\r\n") != std::string::npos;
    if (bad) in.reject("root", "must be a topic without wildcards or a slash at either end");
}

void read_mqtt(JsonReader& in, HubConfig::Mqtt& mqtt) {
    const auto mode = in.text_or("mode", "embedded");
    if (mode != "embedded" && mode != "external") in.reject("mode", "must be embedded or external");
    mqtt.external = mode == "external";
    read_address(in, mqtt.address);
    read_text(in, "host", mqtt.host);
    read_number(in, "port", mqtt.port, 0, 65'535);
    read_text(in, "root", mqtt.root);
    check_root(in, mqtt.root);
    mqtt.tls = in.boolean_or("tls", mqtt.tls);
    read_text(in, "ca_file", mqtt.ca_file);
    read_text(in, "certificate_file", mqtt.certificate_file);
    read_text(in, "key_file", mqtt.key_file);
    read_number(in, "max_outbox", mqtt.max_outbox, 100, 1'000'000);
    read_number(in, "max_ingest", mqtt.max_ingest, 100, 1'000'000);
    read_duration(in, "mute_s", mqtt.mute, 1, 3'600);
    read_duration(in, "spread_ms", mqtt.spread, 0, 86'400'000);
    read_duration(in, "reconnect_window_ms", mqtt.reconnect_window, 0, 3'600'000);
    read_duration(in, "poll_interval_ms", mqtt.poll_interval, 1'000, 86'400'000);
    if (mqtt.external && mqtt.host.empty()) in.reject("host", "is needed with mode = \"external\"");
    if (mqtt.external && mqtt.port == 0) in.reject("port", "is needed with mode = \"external\"");
}

void read_transfers(JsonReader& in, HubConfig::Transfers& transfers) {
    read_number(in, "bytes_per_second", transfers.bytes_per_second, 0, max_int);
    read_number(in, "bytes_per_second_per_transfer", transfers.bytes_per_second_per_transfer, 0,
                max_int);
    read_number(in, "max_concurrent", transfers.max_concurrent, 1, 1'000'000);
}

void read_uploads(JsonReader& in, HubConfig::Uploads& uploads) {
    read_number(in, "max_bytes", uploads.max_bytes, 1, max_int);
    read_duration(in, "expiry_s", uploads.expiry, 60, 31'536'000);
}

void read_deltas(JsonReader& in, HubConfig::Deltas& deltas) {
    read_number(in, "workers", deltas.workers, 0, 64);
    read_number(in, "threads", deltas.threads, 1, 64);
    read_duration(in, "lease_s", deltas.lease, 10, 3'600);
    read_number(in, "max_decoder_memory_bytes", deltas.max_decoder_memory_bytes, 512 << 10,
                1 << 30);
}

void read_enrolment(JsonReader& in, HubConfig::Enrolment& enrolment) {
    read_duration(in, "certificate_days", enrolment.certificate_validity, 1, 3'650);
    read_number(in, "attempts_per_minute", enrolment.attempts_per_minute, 1, 1'000'000);
    read_number(in, "failures_per_minute", enrolment.failures_per_minute, 1, 1'000'000);
}

void read_retention(JsonReader& in, HubConfig::Retention& retention) {
    read_duration(in, "interval_s", retention.interval, 1, 86'400);
    read_duration(in, "blob_grace_s", retention.blob_grace, 60, 31'536'000);
    read_number(in, "max_events", retention.max_events, 100, 100'000'000);
    read_duration(in, "presence_silence_s", retention.presence_silence, 60, 31'536'000);
}

void read_log(JsonReader& in, HubConfig::Log& log) {
    if (const auto name = in.optional_text("level")) {
        auto level = parse_log_level(*name);
        if (level) log.level = *level;
        if (!level) in.reject("level", level.error().message);
    }
    if (const auto name = in.optional_text("format")) {
        auto format = parse_log_format(*name);
        if (format) log.format = *format;
        if (!format) in.reject("format", format.error().message);
    }
    log.file = in.text_or("file", log.file.string());
}

void read_legacy(JsonReader& in, HubConfig::Legacy& legacy) {
    legacy.enabled = in.boolean_or("enabled", legacy.enabled);
    read_address(in, legacy.address);
    read_number(in, "port", legacy.port, 0, 65'535);
    read_text(in, "public_url", legacy.public_url);
    read_text(in, "token", legacy.token);
    read_number(in, "mqtt_port", legacy.mqtt_port, 0, 65'535);
    read_number(in, "max_document_bytes", legacy.max_document_bytes, 1, max_int);
}

/// Reads one table of the file with `read`, strictly.
template <class T>
Status read_table(JsonReader& root, std::string_view name, T& part, void (*read)(JsonReader&, T&)) {
    static const boost::json::value nothing = boost::json::object{};
    const auto* table = root.find(name);
    JsonReader in(table == nullptr ? nothing : *table, std::string(name));
    read(in, part);
    return in.finish();
}

void read_hub(JsonReader& in, std::filesystem::path& state) {
    state = in.text_or("state", state.string());
    if (state.empty()) in.reject("state", "must name a folder");
}

std::map<std::string, std::string, std::less<>> given_in(const boost::json::value& tree) {
    std::map<std::string, std::string, std::less<>> given;
    for (const auto& [table, entries] : tree.as_object()) {
        for (const auto& [key, value] : entries.as_object()) {
            given.emplace(fmt::format("{}.{}", std::string_view(table), std::string_view(key)),
                          write_json(value));
        }
    }
    return given;
}

Result<HubConfig> from_tree(const boost::json::value& tree, std::string_view name) {
    HubConfig config;
    JsonReader root(tree, std::string(name));
    TRY(read_table(root, "hub", config.state, read_hub));
    TRY(read_table(root, "http", config.http, read_http));
    TRY(read_table(root, "database", config.database, read_database));
    TRY(read_table(root, "mqtt", config.mqtt, read_mqtt));
    TRY(read_table(root, "transfers", config.transfers, read_transfers));
    TRY(read_table(root, "uploads", config.uploads, read_uploads));
    TRY(read_table(root, "deltas", config.deltas, read_deltas));
    TRY(read_table(root, "enrolment", config.enrolment, read_enrolment));
    TRY(read_table(root, "retention", config.retention, read_retention));
    TRY(read_table(root, "log", config.log, read_log));
    TRY(read_table(root, "legacy", config.legacy, read_legacy));
    TRY(root.finish());
    config.given = given_in(tree);
    return config;
}

bool is_loopback(std::string_view address) {
    return address == "::1" || address == "localhost" || address.starts_with("127.");
}

std::string own_host_name() {
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0) return "localhost";
    return name.data();
}

}  // namespace

std::size_t HubConfig::Http::effective_connections_per_address() const {
    if (max_connections_per_address > 0) return max_connections_per_address;
    return max_connections - max_connections / 4;
}

std::string HubConfig::effective_public_host() const {
    if (!http.public_host.empty()) return http.public_host;
    const bool any = http.address == "0.0.0.0" || http.address == "::";
    if (is_loopback(http.address) || !any) return http.address;
    return own_host_name();
}

std::string HubConfig::effective_mqtt_host() const {
    return mqtt.host.empty() ? effective_public_host() : mqtt.host;
}

std::chrono::milliseconds HubConfig::effective_presence_silence() const {
    return std::max<std::chrono::milliseconds>(retention.presence_silence, 3 * mqtt.poll_interval);
}

std::string HubConfig::effective_database_url() const {
    return database.url.empty() ? "sqlite:" + (state / "hub.db").string() : database.url;
}

std::vector<std::string> changed_keys(const HubConfig& a, const HubConfig& b) {
    std::vector<std::string> changed;
    for (const auto key : keys) {
        const auto before = a.given.find(key);
        const auto after = b.given.find(key);
        const bool same = before == a.given.end() || after == b.given.end()
                              ? (before == a.given.end()) == (after == b.given.end())
                              : before->second == after->second;
        if (!same) changed.emplace_back(key);
    }
    return changed;
}

std::span<const std::string_view> hub_config_keys() { return keys; }

Result<HubConfig> parse_hub_config(std::string_view text, std::string_view name) {
    TRY(const auto tree, parse_toml(text, name));
    return from_tree(tree, name);
}

Result<HubConfig> load_hub_config(const std::filesystem::path& file) {
    boost::json::value tree = boost::json::object{};
    if (!file.empty()) {
        TRY(tree, load_toml(file));
    }
    TRY(overlay_environment(tree, "STRANDLINE_", keys));
    return from_tree(tree, file.empty() ? "configuration" : file.string());
}

}  // namespace strandline::hub
