#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace strandline {

/// A number that only grows. Thread-safe.
class Counter {
public:
    void add(std::uint64_t by = 1) { add_part(static_cast<double>(by)); }
    void add(std::chrono::nanoseconds span) {
        add_part(std::chrono::duration<double>(span).count());
    }
    [[nodiscard]] double value() const { return value_.load(std::memory_order_relaxed); }

private:
    void add_part(double by) { value_.fetch_add(by, std::memory_order_relaxed); }

    std::atomic<double> value_{0};
};

/// A number that goes up and down. Thread-safe.
class Gauge {
public:
    void set(double value) { value_.store(value, std::memory_order_relaxed); }
    void add(double by) { value_.fetch_add(by, std::memory_order_relaxed); }
    [[nodiscard]] double value() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<double> value_{0};
};

/// Durations in fixed buckets from 1 ms to 60 s. Thread-safe.
class Histogram {
public:
    static constexpr std::array<double, 12> bounds_s = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.1,
                                                        0.25,  1,      2.5,   10,   30,    60};
    void observe(std::chrono::nanoseconds span);

    struct Snapshot {
        std::array<std::uint64_t, bounds_s.size() + 1> buckets{};  ///< not cumulative; last: beyond
        double sum_s = 0;
    };
    [[nodiscard]] Snapshot snapshot() const;

private:
    std::array<std::atomic<std::uint64_t>, bounds_s.size() + 1> buckets_{};
    std::atomic<std::int64_t> sum_ns_{0};
};

using Labels = std::vector<std::pair<std::string, std::string>>;

/// Content-Type of `Metrics::text`.
constexpr std::string_view metrics_content_type = "text/plain; version=0.0.4; charset=utf-8";

/// A program's numbers, written in the Prometheus text format 0.0.4. References that it hands out
/// stay valid as long as the registry. Thread-safe. Counter names end in `_total`, times in
/// `_seconds`, sizes in `_bytes`.
class Metrics {
public:
    [[nodiscard]] Counter& counter(std::string_view name, std::string_view help,
                                   const Labels& labels = {});
    [[nodiscard]] Gauge& gauge(std::string_view name, std::string_view help,
                               const Labels& labels = {});
    [[nodiscard]] Histogram& histogram(std::string_view name, std::string_view help,
                                       const Labels& labels = {});
    [[nodiscard]] std::string text() const;

private:
    struct Series {
        std::string labels;  ///< rendered, without braces
        Counter* counter = nullptr;
        Gauge* gauge = nullptr;
        Histogram* histogram = nullptr;
    };
    struct Family {
        std::string help;
        std::string type;
        std::vector<Series> series;
    };

    Series& series(std::string_view name, std::string_view help, std::string_view type,
                   const Labels& labels);
    static void write_series(std::string& out, const std::string& name, const Series& series);

    mutable std::mutex mutex_;
    std::map<std::string, Family, std::less<>> families_;
    // Deques: addresses stay the same while they grow.
    std::deque<Counter> counters_;
    std::deque<Gauge> gauges_;
    std::deque<Histogram> histograms_;
};

}  // namespace strandline
