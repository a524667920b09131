#include "base/clock.h"

#include <charconv>
#include <fmt/core.h>

namespace strandline {
namespace {

class SystemClock final : public Clock {
public:
    [[nodiscard]] WallTime wall() const override {
        return std::chrono::time_point_cast<std::chrono::milliseconds>(
            std::chrono::system_clock::now());
    }
    [[nodiscard]] SteadyTime steady() const override { return std::chrono::steady_clock::now(); }
};

// Reads a fixed number of digits; -1 if there is anything else.
int digits(std::string_view text, std::size_t at, std::size_t count) {
    if (at + count > text.size()) return -1;
    int value = 0;
    for (std::size_t i = at; i < at + count; ++i) {
        if (text[i] < '0' || text[i] > '9') return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

}  // namespace

const Clock& system_clock() {
    static const SystemClock clock;
    return clock;
}

FakeClock::FakeClock(WallTime start) : wall_(start) {}

WallTime FakeClock::wall() const {
    const std::lock_guard lock(mutex_);
    return wall_;
}

SteadyTime FakeClock::steady() const {
    const std::lock_guard lock(mutex_);
    return steady_;
}

void FakeClock::advance(std::chrono::milliseconds by) {
    const std::lock_guard lock(mutex_);
    wall_ += by;
    steady_ += by;
}

void FakeClock::set_wall(WallTime to) {
    const std::lock_guard lock(mutex_);
    wall_ = to;
}

std::string to_rfc3339(WallTime time) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss clock{time - day};
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                       clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                       clock.subseconds().count());
}

Result<WallTime> from_rfc3339(std::string_view text) {
    const Error bad =
        fail(Errc::invalid,
             fmt::format("time \"{}\": write it like 2026-11-21T12:00:00Z", text.substr(0, 40)));
    const bool shape = (text.size() == 20 || text.size() == 24) && text[4] == '-' &&
                       text[7] == '-' && text[10] == 'T' && text[13] == ':' && text[16] == ':' &&
                       text.back() == 'Z' && (text.size() == 20 || text[19] == '.');
    if (!shape) return bad;
    const int fraction = text.size() == 24 ? digits(text, 20, 3) : 0;
    const int hour = digits(text, 11, 2);
    const int minute = digits(text, 14, 2);
    const int second = digits(text, 17, 2);
    const std::chrono::year_month_day date{
        std::chrono::year{digits(text, 0, 4)},
        std::chrono::month{static_cast<unsigned>(digits(text, 5, 2))},
        std::chrono::day{static_cast<unsigned>(digits(text, 8, 2))}};
    const bool in_range = digits(text, 0, 4) >= 1970 && date.ok() && hour >= 0 && hour < 24 &&
                          minute >= 0 && minute < 60 && second >= 0 && second < 60 && fraction >= 0;
    if (!in_range) return bad;
    return WallTime{std::chrono::sys_days{date}} + std::chrono::hours{hour} +
           std::chrono::minutes{minute} + std::chrono::seconds{second} +
           std::chrono::milliseconds{fraction};
}

}  // namespace strandline
