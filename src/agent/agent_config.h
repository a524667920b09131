#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/result.h"

namespace strandline::agent {

/// Settings of one agent: agent.toml, see examples/agent.toml. Defaults serve every field.
struct AgentConfig {
    struct Hub {
        std::chrono::seconds poll_interval{60};    ///< 1..86400; the hub's announcement wins
        std::chrono::seconds report_interval{60};  ///< 1..86400
        bool mqtt = true;                          ///< false: HTTP polling alone
        /// 100..600000, for each of connecting and subscribing
        std::chrono::milliseconds broker_timeout{15'000};
    } hub;
    struct Serve {
        bool enabled = true;
        std::string address = "127.0.0.1";
        std::uint16_t port = 8500;     ///< 0 takes a free one
        std::size_t max_pending = 64;  ///< 1..10000 inferences waiting or running
    } serve;
    struct Transfer {
        std::uint64_t max_bytes_per_second = 0;        ///< 0 is unlimited
        std::chrono::milliseconds retry_base{500};     ///< 1..60000
        std::chrono::milliseconds retry_cap{300'000};  ///< 1..3600000
        std::uint64_t max_bytes_per_day = 0;           ///< of payload, by UTC days; 0 is unlimited
        std::chrono::milliseconds idle_timeout{30'000};      ///< 100..600000, between two pieces
        std::uint64_t low_speed_bytes_per_second = 100;      ///< slower is cut; 0 is no limit
        std::chrono::milliseconds low_speed_window{60'000};  ///< 100..600000
        /// 1000..86400000: until what the hub could not deliver is tried again; doubles up to a day
        std::chrono::milliseconds refetch_after{300'000};
    } transfer;
    struct Engine {
        std::filesystem::path library;  ///< of ONNX Runtime; empty searches
        int threads = 1;                ///< 1..64 inside one inference
    } engine;
    struct SelfTest {
        std::uint64_t memory_bytes = std::uint64_t{2} << 30;  ///< address space of the child
        std::chrono::milliseconds process_settle{
            1'000};  ///< a process must live this long, 10..600000
    } self_test;
    struct Soak {
        std::uint64_t min_failures = 3;  ///< fewer failed inferences never end a soak
        std::uint64_t min_samples = 20;  ///< fewer inferences are no basis for a latency
    } soak;
    struct Watch {
        /// 0..31536000: how often a model that serves must give its golden answers; 0 is never
        std::chrono::seconds probe_interval{3'600};
        /// 0..31536000: how often the releases on disk are hashed; 0 is only at the start
        std::chrono::seconds verify_interval{86'400};
        std::uint64_t max_restarts =
            3;  ///< 1..1000 in an hour, then the previous release takes over
        /// How often the ends of programs are counted. No setting: for tests.
        std::chrono::milliseconds count_interval{60'000};
    } watch;
    struct Process {
        std::uint64_t memory_bytes = 0;   ///< 0 is unlimited
        std::uint64_t open_files = 1024;  ///< 16..1048576
    } process;
    struct Log {
        LogLevel level = LogLevel::info;
        LogFormat format = LogFormat::text;
        std::filesystem::path file;  ///< empty: standard error
    } log;
};

/// Reads a file (none: the defaults), then overlays STRANDLINE_AGENT_<TABLE>_<KEY> from the
/// environment. Unknown keys and values out of range are `invalid`.
[[nodiscard]] Result<AgentConfig> load_agent_config(
    const std::optional<std::filesystem::path>& file);

/// The same of a text; `name` stands in errors.
[[nodiscard]] Result<AgentConfig> parse_agent_config(std::string_view text, std::string_view name);

}  // namespace strandline::agent
