#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/sha256.h"

namespace strandline::trust {

/// A failure in one word and one sentence.
struct ReportedError {
    std::string stage;  ///< the update state it happened in
    std::string
        reason;  ///< one word: crashed, hung, wrong_answer, no_space, corrupt, unsigned, ...
    std::string message;  ///< one sentence
    friend bool operator==(const ReportedError&, const ReportedError&) = default;
};

/// One release as the device holds it, proved by hash.
struct ReportedRelease {
    std::string package;
    std::string version;
    std::string variant;
    Sha256Digest manifest;
    /// path -> sha256 of what is on disk: what the hub chooses delta bases from
    std::map<std::string, Sha256Digest> files;
    friend bool operator==(const ReportedRelease&, const ReportedRelease&) = default;
};

struct TransferTotals {
    std::uint64_t bytes_full = 0;      ///< what full files would have cost where any had to come
    std::uint64_t bytes_received = 0;  ///< what came over the wire for payload files
    std::uint64_t deltas = 0;          ///< files that came as a delta
    std::uint64_t fulls = 0;           ///< files that came whole
    std::uint64_t reused = 0;          ///< files that were here already
    std::uint64_t delta_fallbacks = 0;
    std::int64_t duration_ms = 0;  ///< from plan to switch
    friend bool operator==(const TransferTotals&, const TransferTotals&) = default;
};

struct ReportedSlot {
    std::string slot;
    std::string state;  ///< of the update state machine; "idle" when converged
    std::string deployment;
    std::optional<ReportedRelease> active;
    std::optional<ReportedRelease> previous;
    std::optional<Sha256Digest> target;  ///< manifest being installed
    bool serving = false;
    std::string not_serving_reason;
    std::string self_test;       ///< passed, failed, none
    double progress = 0;         ///< 0..1 of the bytes of this update
    std::int64_t uptime_ms = 0;  ///< of the active model
    std::uint64_t inferences = 0;
    std::uint64_t inference_errors = 0;
    TransferTotals last_update;
    std::optional<ReportedError> error;   ///< of the last refused or failed update
    std::optional<Sha256Digest> refused;  ///< manifest that `error` is about
    friend bool operator==(const ReportedSlot&, const ReportedSlot&) = default;
};

struct ReportedResources {
    std::string arch;
    std::int64_t cpus = 0;
    double cpu_percent = 0;
    std::uint64_t memory_bytes = 0;
    std::uint64_t memory_available_bytes = 0;
    std::uint64_t disk_bytes = 0;
    std::uint64_t disk_free_bytes = 0;
    std::optional<double> temperature_celsius;
    std::string engine;  ///< "onnxruntime 1.30.0", or empty when models cannot run here
    friend bool operator==(const ReportedResources&, const ReportedResources&) = default;
};

/// What a device proved about itself.
struct Report {
    std::string device;
    std::int64_t boot = 0;        ///< grows with each start of the agent
    std::int64_t sequence = 0;    ///< within a boot; the hub drops older reports
    std::int64_t generation = 0;  ///< of the desired state acted upon
    std::string agent_version;
    std::vector<ReportedSlot> slots;
    ReportedResources resources;
    friend bool operator==(const Report&, const Report&) = default;
};

/// Longer JSON is refused by report_from_json().
inline constexpr std::size_t max_report_bytes = std::size_t{1} << 20;

[[nodiscard]] std::string to_json(const Report& report);
/// Lenient about unknown fields (newer agents), strict about types and sizes.
[[nodiscard]] Result<Report> report_from_json(std::string_view json);

}  // namespace strandline::trust
