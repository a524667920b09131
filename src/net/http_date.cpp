#include "net/http_date.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <fmt/core.h>
#include <vector>

#include "net/http_message.h"

namespace strandline::net {
namespace {

constexpr std::array<std::string_view, 7> day_names = {"Sun", "Mon", "Tue", "Wed",
                                                       "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> month_names = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::optional<int> number(std::string_view text) {
    int value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc{} || end != text.data() + text.size() || value < 0) return std::nullopt;
    return value;
}

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
    std::vector<std::string_view> parts;
    while (!text.empty()) {
        const auto at = std::min(text.find_first_of(separators), text.size());
        if (at > 0) parts.push_back(text.substr(0, at));
        text.remove_prefix(std::min(at + 1, text.size()));
    }
    return parts;
}

struct DateParts {
    std::string_view day, month, year, time;
};

/// A two-digit year more than 50 years ahead is one of the last century (RFC 9110 5.6.7); a fixed
/// pivot keeps the function pure. No date there has another number of digits than two or four.
std::optional<int> full_year(std::string_view text) {
    const auto value = number(text);
    if (!value || text.size() == 4) return value;
    if (text.size() != 2) return std::nullopt;
    return *value < 70 ? 2000 + *value : 1900 + *value;
}

std::optional<WallTime> assemble(const DateParts& parts) {
    const auto clock = split(parts.time, ":");
    const auto day = number(parts.day);
    const auto year = full_year(parts.year);
    unsigned month = 0;
    while (month < month_names.size() && month_names[month] != parts.month) ++month;
    if (clock.size() != 3 || !day || !year || month == month_names.size()) return std::nullopt;
    const auto hour = number(clock[0]);
    const auto minute = number(clock[1]);
    const auto second = number(clock[2]);
    if (!hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 60) {
        return std::nullopt;
    }
    const std::chrono::year_month_day date{std::chrono::year{*year}, std::chrono::month{month + 1},
                                           std::chrono::day{static_cast<unsigned>(*day)}};
    if (!date.ok()) return std::nullopt;
    return WallTime{std::chrono::sys_days{date} + std::chrono::hours{*hour} +
                    std::chrono::minutes{*minute} + std::chrono::seconds{*second}};
}

}  // namespace

std::string to_http_date(WallTime time) {
    const auto days = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date{days};
    const auto clock = std::chrono::floor<std::chrono::seconds>(time) - days;
    const std::chrono::hh_mm_ss hms{clock};
    return fmt::format(
        "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
        day_names[std::chrono::weekday{days}.c_encoding()], static_cast<unsigned>(date.day()),
        month_names[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
        hms.hours().count(), hms.minutes().count(), hms.seconds().count());
}

std::optional<WallTime> from_http_date(std::string_view text) {
    const auto parts = split(text, ", -");
    if (parts.size() == 6 && parts[5] == "GMT") {
        return assemble({parts[1], parts[2], parts[3], parts[4]});
    }
    if (parts.size() == 5) return assemble({parts[2], parts[1], parts[4], parts[3]});  // asctime
    return std::nullopt;
}

std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view value, WallTime now) {
    constexpr std::chrono::seconds longest{366LL * 86'400};
    const bool is_number = !value.empty() && value.find_first_not_of("0123456789") == value.npos;
    if (is_number) {
        std::int64_t seconds = 0;
        const char* const last = value.data() + value.size();
        const bool overflow = std::from_chars(value.data(), last, seconds).ec != std::errc{};
        if (overflow || seconds > longest.count()) return longest;
        return std::chrono::seconds{seconds};
    }
    const auto date = from_http_date(value);
    if (!date) return std::nullopt;
    return std::clamp<std::chrono::milliseconds>(*date - now, std::chrono::milliseconds{0},
                                                 longest);
}

}  // namespace strandline::net
