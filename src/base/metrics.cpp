#include "base/metrics.h"

#include <algorithm>
#include <fmt/core.h>

namespace strandline {
namespace {

// Label values escape backslash, quote and line end; help texts only backslash and line end
// (Prometheus exposition formats, "Comments, help text, and type information").
std::string escaped(std::string_view text, bool quotes) {
    std::string out;
    for (const char c : text) {
        if (c == '\\') {
            out += "\\\\";
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '"' && quotes) {
            out += "\\\"";
        } else {
            out += c;
        }
    }
    return out;
}

std::string render(const Labels& labels) {
    std::string out;
    for (const auto& [name, value] : labels) {
        if (!out.empty()) out += ',';
        out += fmt::format("{}=\"{}\"", name, escaped(value, true));
    }
    return out;
}

std::string braces(const std::string& labels) {
    return labels.empty() ? std::string() : fmt::format("{{{}}}", labels);
}

void write_histogram(std::string& out, const std::string& name, const std::string& labels,
                     const Histogram::Snapshot& values) {
    const std::string comma = labels.empty() ? "" : ",";
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < values.buckets.size(); ++i) {
        total += values.buckets[i];
        const bool last = i == Histogram::bounds_s.size();
        const auto bound = last ? std::string("+Inf") : fmt::format("{}", Histogram::bounds_s[i]);
        out += fmt::format("{}_bucket{{{}{}le=\"{}\"}} {}\n", name, labels, comma, bound, total);
    }
    out += fmt::format("{}_sum{} {}\n", name, braces(labels), values.sum_s);
    out += fmt::format("{}_count{} {}\n", name, braces(labels), total);
}

}  // namespace

void Histogram::observe(std::chrono::nanoseconds span) {
    const double seconds = std::chrono::duration<double>(span).count();
    const auto* bound = std::lower_bound(bounds_s.begin(), bounds_s.end(), seconds);
    buckets_[static_cast<std::size_t>(bound - bounds_s.begin())].fetch_add(
        1, std::memory_order_relaxed);
    sum_ns_.fetch_add(span.count(), std::memory_order_relaxed);
}

Histogram::Snapshot Histogram::snapshot() const {
    Snapshot values;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
        values.buckets[i] = buckets_[i].load(std::memory_order_relaxed);
    }
    constexpr double ns_per_s = 1e9;
    values.sum_s = static_cast<double>(sum_ns_.load(std::memory_order_relaxed)) / ns_per_s;
    return values;
}

Metrics::Series& Metrics::series(std::string_view name, std::string_view help,
                                 std::string_view type, const Labels& labels) {
    auto& family = families_[std::string(name)];
    if (family.type.empty()) {
        family.help = help;
        family.type = type;
    }
    auto rendered = render(labels);
    for (auto& known : family.series) {
        if (known.labels == rendered) return known;
    }
    family.series.push_back({.labels = std::move(rendered)});
    return family.series.back();
}

Counter& Metrics::counter(std::string_view name, std::string_view help, const Labels& labels) {
    const std::lock_guard lock(mutex_);
    auto& entry = series(name, help, "counter", labels);
    if (entry.counter == nullptr) entry.counter = &counters_.emplace_back();
    return *entry.counter;
}

Gauge& Metrics::gauge(std::string_view name, std::string_view help, const Labels& labels) {
    const std::lock_guard lock(mutex_);
    auto& entry = series(name, help, "gauge", labels);
    if (entry.gauge == nullptr) entry.gauge = &gauges_.emplace_back();
    return *entry.gauge;
}

Histogram& Metrics::histogram(std::string_view name, std::string_view help, const Labels& labels) {
    const std::lock_guard lock(mutex_);
    auto& entry = series(name, help, "histogram", labels);
    if (entry.histogram == nullptr) entry.histogram = &histograms_.emplace_back();
    return *entry.histogram;
}

void Metrics::write_series(std::string& out, const std::string& name, const Series& series) {
    if (series.histogram != nullptr) {
        write_histogram(out, name, series.labels, series.histogram->snapshot());
    } else if (series.counter != nullptr) {
        out += fmt::format("{}{} {}\n", name, braces(series.labels), series.counter->value());
    } else if (series.gauge != nullptr) {
        out += fmt::format("{}{} {}\n", name, braces(series.labels), series.gauge->value());
    }
}

std::string Metrics::text() const {
    const std::lock_guard lock(mutex_);
    std::string out;
    for (const auto& [name, family] : families_) {
        out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, escaped(family.help, false), name,
                           family.type);
        for (const auto& series : family.series) write_series(out, name, series);
    }
    return out;
}

}  // namespace strandline
