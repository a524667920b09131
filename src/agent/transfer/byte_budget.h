#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

#include "agent/disk/state_folder.h"
#include "base/clock.h"

namespace strandline::agent {

/// How many payload bytes may still come today, by UTC days of `now`. A clock that goes back opens
/// no day again. What was charged survives restarts: it is on disk before it is used, in steps, so
/// a crash may cost one step and never gives one. Belongs to the I/O thread.
class ByteBudget {
public:
    /// 0 bytes is no limit.
    ByteBudget(StateFolder folder, std::uint64_t max_per_day, std::function<WallTime()> now);

    [[nodiscard]] bool limited() const { return max_per_day_ > 0; }
    [[nodiscard]] std::uint64_t max_per_day() const { return max_per_day_; }
    /// The largest number when there is no limit.
    [[nodiscard]] std::uint64_t left();
    void spend(std::uint64_t bytes);
    /// Until the next day begins.
    [[nodiscard]] std::chrono::milliseconds until_next_day() const;
    /// Gives back what was charged on disk and not used: at the end of a download.
    void settle();

private:
    void turn_day();
    void charge(std::uint64_t bytes);

    StateFolder folder_;
    std::uint64_t max_per_day_;
    std::function<WallTime()> now_;
    std::int64_t day_ = 0;
    std::uint64_t used_ = 0;
    std::uint64_t charged_ = 0;  ///< what the disk says
};

}  // namespace strandline::agent
