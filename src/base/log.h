#pragma once

#include <fmt/core.h>
#include <string>
#include <string_view>

#include "base/result.h"

namespace strandline {

enum class LogLevel { debug, info, warn, error };
enum class LogFormat { text, json };

/// Sets up the process's log on stderr. Call once, early; before that, text at info level.
/// Thread-safe afterwards.
void configure_log(LogLevel level, LogFormat format, std::string_view program);

[[nodiscard]] Result<LogLevel> parse_log_level(std::string_view name);
[[nodiscard]] Result<LogFormat> parse_log_format(std::string_view name);

[[nodiscard]] bool log_enabled(LogLevel level);

/// Writes one line. Control characters in `message` are escaped, so input cannot forge lines.
void write_log(LogLevel level, std::string_view message);

/// One event a line, as `what happened key=value key=value`; no payloads, keys or tokens.
///   error: someone must act   warn: degraded   info: state change   debug: the rest
template <class... Args>
void log_at(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
    if (log_enabled(level)) write_log(level, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
    log_at(LogLevel::debug, format, std::forward<Args>(args)...);
}
template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
    log_at(LogLevel::info, format, std::forward<Args>(args)...);
}
template <class... Args>
void log_warn(fmt::format_string<Args...> format, Args&&... args) {
    log_at(LogLevel::warn, format, std::forward<Args>(args)...);
}
template <class... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
    log_at(LogLevel::error, format, std::forward<Args>(args)...);
}

}  // namespace strandline
