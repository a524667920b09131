#include "base/log.h"

#include <atomic>
#include <memory>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include "base/utf8.h"

namespace strandline {
namespace {

std::atomic<LogFormat>& current_format() {
    static std::atomic<LogFormat> format{LogFormat::text};
    return format;
}

spdlog::level::level_enum to_spdlog(LogLevel level) {
    switch (level) {
        case LogLevel::debug:
            return spdlog::level::debug;
        case LogLevel::info:
            return spdlog::level::info;
        case LogLevel::warn:
            return spdlog::level::warn;
        case LogLevel::error:
            return spdlog::level::err;
    }
    return spdlog::level::info;
}

// Input may reach a message, so it must not be able to start a line, move the cursor or end the
// JSON text that it stands in.
std::string escaped(std::string_view message, bool json) {
    auto text = printable(message);
    if (!json) return text;
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out;
}

spdlog::logger& logger() {
    // Never destroyed: other static objects may log while the process ends.
    static auto* instance = [] {
        auto* made = new std::shared_ptr<spdlog::logger>(  // NOLINT: deliberate immortal
            spdlog::stderr_color_mt("strandline"));
        (*made)->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%-5l%$ %v");
        return made;
    }();
    return **instance;
}

}  // namespace

void configure_log(LogLevel level, LogFormat format, std::string_view program) {
    current_format() = format;
    logger().set_level(to_spdlog(level));
    logger().flush_on(spdlog::level::debug);
    if (format == LogFormat::json) {
        logger().set_pattern(
            "{\"time\":\"%Y-%m-%dT%H:%M:%S.%f%z\",\"level\":\"%l\",\"program\":\"" +
            std::string(program) + "\",\"message\":\"%v\"}");
    } else {
        logger().set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%-5l%$ %v");
    }
}

Result<LogLevel> parse_log_level(std::string_view name) {
    if (name == "debug") return LogLevel::debug;
    if (name == "info") return LogLevel::info;
    if (name == "warn") return LogLevel::warn;
    if (name == "error") return LogLevel::error;
    return fail(Errc::invalid,
                fmt::format("log level \"{}\": use debug, info, warn or error", name));
}

Result<LogFormat> parse_log_format(std::string_view name) {
    if (name == "text") return LogFormat::text;
    if (name == "json") return LogFormat::json;
    return fail(Errc::invalid, fmt::format("log format \"{}\": use text or json", name));
}

bool log_enabled(LogLevel level) { return logger().should_log(to_spdlog(level)); }

void write_log(LogLevel level, std::string_view message) {
    const bool json = current_format() == LogFormat::json;
    logger().log(to_spdlog(level), "{}", escaped(message, json));
}

}  // namespace strandline
