#include "agent/resources.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fcntl.h>
#include <string>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <system_error>
#include <thread>
#include <unistd.h>

#include "base/file.h"

namespace strandline::agent {
namespace {

/// Files of proc and sys say 0 as their size, so they are read until they end.
std::string read_pseudo_file(const std::filesystem::path& path) {
    constexpr std::size_t limit = 64 * 1024;
    std::string text;
    const auto fd = open_file(path, O_RDONLY);
    if (!fd) return text;
    std::array<char, 4096> buffer{};
    while (text.size() < limit) {
        const auto count = ::read(fd->get(), buffer.data(), buffer.size());
        if (count <= 0) break;
        text.append(buffer.data(), static_cast<std::size_t>(count));
    }
    return text;
}

/// Takes the next number off the front, skipping blanks.
std::optional<std::uint64_t> take_number(std::string_view& text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    std::uint64_t value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
    return value;
}

/// The hottest thermal zone, in degrees.
std::optional<double> hottest_zone(const std::filesystem::path& sys) {
    constexpr double plausible_min = -60;
    constexpr double plausible_max = 200;
    std::optional<double> hottest;
    std::error_code error;
    for (std::filesystem::directory_iterator it(sys / "class" / "thermal", error), end;
         !error && it != end; it.increment(error)) {
        if (!it->path().filename().string().starts_with("thermal_zone")) continue;
        const auto text = read_pseudo_file(it->path() / "temp");
        long millidegrees = 0;
        if (std::from_chars(text.data(), text.data() + text.size(), millidegrees).ec != std::errc{})
            continue;
        const double celsius = static_cast<double>(millidegrees) / 1000.0;
        if (celsius < plausible_min || celsius > plausible_max) continue;
        hottest = std::max(hottest.value_or(celsius), celsius);
    }
    return hottest;
}

void sample_disk(const std::filesystem::path& disk, trust::ReportedResources& out) {
    struct statvfs facts {};
    if (::statvfs(disk.c_str(), &facts) != 0) return;
    out.disk_bytes = std::uint64_t{facts.f_blocks} * facts.f_frsize;
    out.disk_free_bytes = std::uint64_t{facts.f_bavail} * facts.f_frsize;
}

}  // namespace

std::optional<CpuTicks> parse_cpu_ticks(std::string_view stat) {
    constexpr std::string_view start = "cpu ";
    if (!stat.starts_with(start)) return std::nullopt;
    stat = stat.substr(0, stat.find('\n'));
    stat.remove_prefix(start.size());
    // user nice system idle iowait irq softirq steal; guest times are parts of user and nice.
    constexpr std::size_t used = 8;
    constexpr std::size_t idle = 3;
    constexpr std::size_t iowait = 4;
    CpuTicks ticks;
    for (std::size_t i = 0; i < used; ++i) {
        const auto value = take_number(stat);
        if (!value) return i > idle ? std::optional(ticks) : std::nullopt;
        ticks.total += *value;
        if (i != idle && i != iowait) ticks.busy += *value;
    }
    return ticks;
}

std::optional<std::uint64_t> parse_meminfo(std::string_view meminfo, std::string_view field) {
    const auto key = std::string(field) + ":";
    auto at = meminfo.starts_with(key) ? 0 : meminfo.find("\n" + key);
    if (at == std::string_view::npos) return std::nullopt;
    if (at != 0) ++at;
    meminfo.remove_prefix(at + key.size());
    const auto kib = take_number(meminfo);
    if (!kib) return std::nullopt;
    return *kib * 1024;
}

trust::ReportedResources ResourceSampler::sample() {
    trust::ReportedResources out;
    utsname machine{};
    if (::uname(&machine) == 0) out.arch = machine.machine;
    out.cpus = std::max(1U, std::thread::hardware_concurrency());
    if (const auto ticks = parse_cpu_ticks(read_pseudo_file(paths_.proc / "stat"))) {
        if (total_ != 0 && ticks->total > total_ && ticks->busy >= busy_) {
            out.cpu_percent = 100.0 * static_cast<double>(ticks->busy - busy_) /
                              static_cast<double>(ticks->total - total_);
        }
        busy_ = ticks->busy;
        total_ = ticks->total;
    }
    const auto meminfo = read_pseudo_file(paths_.proc / "meminfo");
    out.memory_bytes = parse_meminfo(meminfo, "MemTotal").value_or(0);
    out.memory_available_bytes = parse_meminfo(meminfo, "MemAvailable").value_or(0);
    sample_disk(disk_, out);
    out.temperature_celsius = hottest_zone(paths_.sys);
    return out;
}

}  // namespace strandline::agent
