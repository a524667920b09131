#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include "trust/report.h"

namespace strandline::agent {

/// Where the figures come from; tests bring their own tree.
struct ResourcePaths {
    std::filesystem::path proc = "/proc";
    std::filesystem::path sys = "/sys";
};

/// Samples this machine. The processor's load is that between two calls; the first call has none.
/// What a machine does not tell (a temperature, say) is left out. One thread at a time.
class ResourceSampler {
public:
    explicit ResourceSampler(std::filesystem::path disk, ResourcePaths paths = {})
        : disk_(std::move(disk)), paths_(std::move(paths)) {}

    /// Everything but the engine's name.
    [[nodiscard]] trust::ReportedResources sample();

private:
    std::filesystem::path disk_;
    ResourcePaths paths_;
    std::uint64_t busy_ = 0;
    std::uint64_t total_ = 0;
};

/// Busy and all ticks of the first line of /proc/stat (proc(5)).
struct CpuTicks {
    std::uint64_t busy = 0;
    std::uint64_t total = 0;
};
[[nodiscard]] std::optional<CpuTicks> parse_cpu_ticks(std::string_view stat);
/// Bytes of a field of /proc/meminfo, such as "MemAvailable".
[[nodiscard]] std::optional<std::uint64_t> parse_meminfo(std::string_view meminfo,
                                                         std::string_view field);

}  // namespace strandline::agent
