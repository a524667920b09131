#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "infer/engine.h"

namespace strandline::gateway {

/// Counters of one served model version. Lock-free; read at any time.
class ModelStatistics {
public:
    void record(bool success, std::chrono::nanoseconds queued, std::chrono::nanoseconds run,
                std::int64_t finished_unix_ms = 0);
    struct Snapshot {
        std::uint64_t successes = 0;
        std::uint64_t failures = 0;
        std::chrono::nanoseconds queued{0};
        std::chrono::nanoseconds run{0};
        /// Of successes; interpolated between powers of two of a microsecond.
        std::chrono::nanoseconds p99_run{0};
        std::int64_t last_unix_ms = 0;  ///< when the latest one ended; 0 = never
    };
    [[nodiscard]] Snapshot snapshot() const;

private:
    static constexpr std::size_t bucket_count = 40;  // powers of two of a microsecond
    std::atomic<std::uint64_t> successes_{0};
    std::atomic<std::uint64_t> failures_{0};
    std::atomic<std::int64_t> queued_ns_{0};
    std::atomic<std::int64_t> run_ns_{0};
    std::atomic<std::int64_t> last_unix_ms_{0};
    std::array<std::atomic<std::uint64_t>, bucket_count> run_buckets_{};
};

/// A model as it is served under a name.
struct ServedModel {
    std::string name;
    std::string version;
    std::string platform = "onnxruntime_onnx";
    std::shared_ptr<infer::Model> model;  // shared: requests in flight outlive a swap
    std::shared_ptr<ModelStatistics> statistics = std::make_shared<ModelStatistics>();
};

/// Name -> model, swapped without a gap: a request works on the entry it took, however long it
/// runs, and the old model is freed with its last request. Thread-safe.
class ModelTable {
public:
    /// Puts or replaces; returns what was there.
    std::shared_ptr<const ServedModel> publish(ServedModel model);
    /// Takes a model out of service. With a reason it stays known as unavailable and the server is
    /// not ready until it is published again; without one it is forgotten.
    std::shared_ptr<const ServedModel> withdraw(std::string_view name, std::string reason);
    /// `not_found` "Request for unknown model: 'x' is not found", or `unavailable` with the reason
    /// when it was withdrawn. Empty version means any.
    [[nodiscard]] Result<std::shared_ptr<const ServedModel>> find(
        std::string_view name, std::string_view version = {}) const;
    [[nodiscard]] std::vector<std::shared_ptr<const ServedModel>> list() const;
    /// Name and reason of each model that was withdrawn with one.
    [[nodiscard]] std::vector<std::pair<std::string, std::string>> unavailable() const;

private:
    mutable std::mutex mutex_;
    std::map<std::string, std::shared_ptr<const ServedModel>, std::less<>> models_;
    std::map<std::string, std::string, std::less<>> withdrawn_;
};

}  // namespace strandline::gateway
