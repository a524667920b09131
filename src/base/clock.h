#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace strandline {

using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;
using SteadyTime = std::chrono::steady_clock::time_point;

/// Time as a parameter, so that tests need no sleep. Thread-safe.
class Clock {
public:
    virtual ~Clock() = default;
    /// May jump, be wrong by decades, or stand at 1970: for display and expiry floors only.
    [[nodiscard]] virtual WallTime wall() const = 0;
    /// Never goes back; for every duration and deadline.
    [[nodiscard]] virtual SteadyTime steady() const = 0;
};

/// The machine's clocks. Lives as long as the process.
[[nodiscard]] const Clock& system_clock();

/// A clock that a test moves by hand.
class FakeClock final : public Clock {
public:
    explicit FakeClock(WallTime start = WallTime{
                           std::chrono::seconds{1'767'225'600}});  // 2026-01-01
    [[nodiscard]] WallTime wall() const override;
    [[nodiscard]] SteadyTime steady() const override;
    void advance(std::chrono::milliseconds by);
    /// Moves only the wall clock, as an operator or NTP would.
    void set_wall(WallTime to);

private:
    mutable std::mutex mutex_;
    WallTime wall_;
    SteadyTime steady_{};
};

/// RFC 3339 in UTC with milliseconds: 2026-11-21T12:00:00.000Z.
[[nodiscard]] std::string to_rfc3339(WallTime time);
/// Accepts what to_rfc3339 writes, with or without the fraction; UTC ("Z") only.
[[nodiscard]] Result<WallTime> from_rfc3339(std::string_view text);

/// Milliseconds since 1970, the form kept in the database.
[[nodiscard]] inline std::int64_t to_unix_ms(WallTime time) {
    return time.time_since_epoch().count();
}
[[nodiscard]] inline WallTime from_unix_ms(std::int64_t ms) {
    return WallTime{std::chrono::milliseconds{ms}};
}

}  // namespace strandline
