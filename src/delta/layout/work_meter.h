#pragma once

#include <cstdint>
#include <functional>
#include <utility>

namespace strandline::delta {

/// Tells who waits for long work how far it is, and asks whether to go on. One thread.
class WorkMeter {
public:
    /// Gets all bytes looked at so far; false: stop.
    using Report = std::function<bool(std::uint64_t)>;

    WorkMeter() = default;
    explicit WorkMeter(Report report) : report_(std::move(report)) {}

    /// These bytes were looked at, too. False, for good, when the work is to end: its result will
    /// not be used.
    bool done(std::uint64_t bytes) {
        bytes_ += bytes;
        if (!stopped_ && report_) stopped_ = !report_(bytes_);
        return !stopped_;
    }
    [[nodiscard]] bool stopped() const { return stopped_; }

private:
    Report report_;
    std::uint64_t bytes_ = 0;
    bool stopped_ = false;
};

/// Work between two calls of WorkMeter::done(), in bytes, where it is quick.
inline constexpr std::uint64_t metered_bytes = std::uint64_t{4} << 20;

}  // namespace strandline::delta
