#include <algorithm>
#include <bit>

#include "gateway/model_table.h"

namespace strandline::gateway {
namespace {

constexpr double percentile = 0.99;

std::uint64_t microseconds(std::chrono::nanoseconds span) {
    const auto count = std::chrono::duration_cast<std::chrono::microseconds>(span).count();
    return count > 0 ? static_cast<std::uint64_t>(count) : 0;
}

}  // namespace

void ModelStatistics::record(bool success, std::chrono::nanoseconds queued,
                             std::chrono::nanoseconds run, std::int64_t finished_unix_ms) {
    constexpr auto relaxed = std::memory_order_relaxed;
    (success ? successes_ : failures_).fetch_add(1, relaxed);
    queued_ns_.fetch_add(queued.count(), relaxed);
    run_ns_.fetch_add(run.count(), relaxed);
    last_unix_ms_.store(finished_unix_ms, relaxed);
    if (!success) return;  // a refusal is quick, and would hide how slow the answers are
    const auto bucket = static_cast<std::size_t>(std::bit_width(microseconds(run)));
    run_buckets_[std::min(bucket, bucket_count - 1)].fetch_add(1, relaxed);
}

ModelStatistics::Snapshot ModelStatistics::snapshot() const {
    constexpr auto relaxed = std::memory_order_relaxed;
    Snapshot out;
    out.successes = successes_.load(relaxed);
    out.failures = failures_.load(relaxed);
    out.queued = std::chrono::nanoseconds{queued_ns_.load(relaxed)};
    out.run = std::chrono::nanoseconds{run_ns_.load(relaxed)};
    out.last_unix_ms = last_unix_ms_.load(relaxed);

    std::array<std::uint64_t, bucket_count> counts{};
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < bucket_count; ++i)
        total += counts[i] = run_buckets_[i].load(relaxed);
    double left = percentile * static_cast<double>(total);
    for (std::size_t i = 0; i < bucket_count && total > 0; ++i) {
        const auto here = static_cast<double>(counts[i]);
        if (here < left || counts[i] == 0) {
            left -= here;
            continue;
        }
        // Bucket i holds [2^(i-1), 2^i) microseconds, bucket 0 what is below one.
        const double low = i == 0 ? 0.0 : static_cast<double>(std::uint64_t{1} << (i - 1));
        const double high = static_cast<double>(std::uint64_t{1} << i);
        const double value = (low + (high - low) * left / here) * 1000.0;
        out.p99_run = std::chrono::nanoseconds{static_cast<std::int64_t>(value)};
        break;
    }
    return out;
}

}  // namespace strandline::gateway
