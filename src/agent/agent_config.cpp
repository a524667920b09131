#include "agent/agent_config.h"

#include <array>

#include "base/config.h"
#include "base/json.h"
#include "net/tls_context.h"

namespace strandline::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::int64_t max_bytes = std::int64_t{1} << 53;

constexpr std::array<std::string_view, 30> environment_keys{"hub.poll_interval_s",
                                                            "hub.report_interval_s",
                                                            "hub.mqtt",
                                                            "hub.broker_timeout_ms",
                                                            "serve.enabled",
                                                            "serve.address",
                                                            "serve.port",
                                                            "serve.max_pending",
                                                            "transfer.max_bytes_per_second",
                                                            "transfer.retry_base_ms",
                                                            "transfer.retry_cap_ms",
                                                            "transfer.idle_timeout_ms",
                                                            "transfer.max_bytes_per_day",
                                                            "transfer.low_speed_bytes_per_second",
                                                            "transfer.low_speed_window_ms",
                                                            "transfer.refetch_after_ms",
                                                            "watch.probe_interval_s",
                                                            "watch.verify_interval_s",
                                                            "watch.max_restarts",
                                                            "engine.library",
                                                            "engine.threads",
                                                            "self_test.memory_bytes",
                                                            "self_test.process_settle_ms",
                                                            "soak.min_failures",
                                                            "soak.min_samples",
                                                            "process.memory_bytes",
                                                            "process.open_files",
                                                            "log.level",
                                                            "log.format",
                                                            "log.file"};

std::uint64_t count(JsonReader& in, std::string_view key, std::uint64_t fallback, std::int64_t min,
                    std::int64_t max) {
    return static_cast<std::uint64_t>(
        in.integer_or(key, static_cast<std::int64_t>(fallback), min, max));
}

template <class Duration>
Duration span(JsonReader& in, std::string_view key, Duration fallback, std::int64_t min,
              std::int64_t max) {
    return Duration{in.integer_or(key, fallback.count(), min, max)};
}

void read_hub(JsonReader& in, AgentConfig::Hub& hub) {
    hub.poll_interval = span<seconds>(in, "poll_interval_s", hub.poll_interval, 1, 86'400);
    hub.report_interval = span<seconds>(in, "report_interval_s", hub.report_interval, 1, 86'400);
    hub.mqtt = in.boolean_or("mqtt", hub.mqtt);
    hub.broker_timeout =
        span<milliseconds>(in, "broker_timeout_ms", hub.broker_timeout, 100, 600'000);
}

void read_serve(JsonReader& in, AgentConfig::Serve& serve) {
    serve.enabled = in.boolean_or("enabled", serve.enabled);
    serve.address = in.text_or("address", serve.address);
    if (!net::is_ip_literal(serve.address)) {
        in.reject("address", "must be an IPv4 or IPv6 address");
    }
    serve.port = static_cast<std::uint16_t>(in.integer_or("port", serve.port, 0, 65'535));
    serve.max_pending = count(in, "max_pending", serve.max_pending, 1, 10'000);
}

void read_transfer(JsonReader& in, AgentConfig::Transfer& transfer) {
    transfer.max_bytes_per_second =
        count(in, "max_bytes_per_second", transfer.max_bytes_per_second, 0, max_bytes);
    transfer.retry_base = span<milliseconds>(in, "retry_base_ms", transfer.retry_base, 1, 60'000);
    transfer.retry_cap = span<milliseconds>(in, "retry_cap_ms", transfer.retry_cap, 1, 3'600'000);
    transfer.idle_timeout =
        span<milliseconds>(in, "idle_timeout_ms", transfer.idle_timeout, 100, 600'000);
    transfer.max_bytes_per_day =
        count(in, "max_bytes_per_day", transfer.max_bytes_per_day, 0, max_bytes);
    transfer.low_speed_bytes_per_second =
        count(in, "low_speed_bytes_per_second", transfer.low_speed_bytes_per_second, 0, max_bytes);
    transfer.low_speed_window =
        span<milliseconds>(in, "low_speed_window_ms", transfer.low_speed_window, 100, 600'000);
    transfer.refetch_after =
        span<milliseconds>(in, "refetch_after_ms", transfer.refetch_after, 1'000, 86'400'000);
}

void read_watch(JsonReader& in, AgentConfig::Watch& watch) {
    constexpr std::int64_t year = 31'536'000;
    watch.probe_interval = span<seconds>(in, "probe_interval_s", watch.probe_interval, 0, year);
    watch.verify_interval = span<seconds>(in, "verify_interval_s", watch.verify_interval, 0, year);
    watch.max_restarts = count(in, "max_restarts", watch.max_restarts, 1, 1'000);
}

void read_engine(JsonReader& in, AgentConfig::Engine& engine) {
    engine.library = in.text_or("library", engine.library.string());
    engine.threads = static_cast<int>(in.integer_or("threads", engine.threads, 1, 64));
}

void read_self_test(JsonReader& in, AgentConfig::SelfTest& test) {
    test.memory_bytes = count(in, "memory_bytes", test.memory_bytes, 1 << 20, max_bytes);
    test.process_settle =
        span<milliseconds>(in, "process_settle_ms", test.process_settle, 10, 600'000);
}

void read_soak(JsonReader& in, AgentConfig::Soak& soak) {
    soak.min_failures = count(in, "min_failures", soak.min_failures, 1, max_bytes);
    soak.min_samples = count(in, "min_samples", soak.min_samples, 1, max_bytes);
}

void read_process(JsonReader& in, AgentConfig::Process& process) {
    process.memory_bytes = count(in, "memory_bytes", process.memory_bytes, 0, max_bytes);
    process.open_files = count(in, "open_files", process.open_files, 16, 1 << 20);
}

void read_log(JsonReader& in, AgentConfig::Log& log) {
    if (const auto level = in.optional_text("level")) {
        auto parsed = parse_log_level(*level);
        if (parsed)
            log.level = *parsed;
        else
            in.reject("level", parsed.error().message);
    }
    if (const auto format = in.optional_text("format")) {
        auto parsed = parse_log_format(*format);
        if (parsed)
            log.format = *parsed;
        else
            in.reject("format", parsed.error().message);
    }
    log.file = in.text_or("file", log.file.string());
}

/// Reads one table strictly; a missing table leaves the defaults.
template <class Table>
void read_table(JsonReader& root, std::string_view key, Table& table,
                void (*read)(JsonReader&, Table&)) {
    const auto* value = root.find(key);
    if (value == nullptr) return;
    JsonReader in(*value, root.where() + ": " + std::string(key));
    read(in, table);
    root.require(in.finish());
}

Result<AgentConfig> read_config(boost::json::value tree, std::string_view name) {
    TRY(overlay_environment(tree, "STRANDLINE_AGENT_", environment_keys));
    AgentConfig config;
    JsonReader root(tree, std::string(name));
    read_table(root, "hub", config.hub, read_hub);
    read_table(root, "serve", config.serve, read_serve);
    read_table(root, "transfer", config.transfer, read_transfer);
    read_table(root, "engine", config.engine, read_engine);
    read_table(root, "self_test", config.self_test, read_self_test);
    read_table(root, "soak", config.soak, read_soak);
    read_table(root, "watch", config.watch, read_watch);
    read_table(root, "process", config.process, read_process);
    read_table(root, "log", config.log, read_log);
    TRY(root.finish());
    return config;
}

}  // namespace

Result<AgentConfig> load_agent_config(const std::optional<std::filesystem::path>& file) {
    if (!file) return parse_agent_config("", "environment");
    TRY(auto tree, load_toml(*file));
    return read_config(std::move(tree), file->string());
}

Result<AgentConfig> parse_agent_config(std::string_view text, std::string_view name) {
    TRY(auto tree, parse_toml(text, name));
    return read_config(std::move(tree), name);
}

}  // namespace strandline::agent
