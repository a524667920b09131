#include "agent/states/disk_need.h"

#include <algorithm>
#include <system_error>

namespace strandline::agent {
namespace {

// Room for manifests, journals and the file system's own bookkeeping.
constexpr std::uint64_t disk_slack = std::uint64_t{8} << 20;

std::uint64_t bytes_of(const std::filesystem::path& file) {
    std::error_code error;
    const auto size = std::filesystem::file_size(file, error);
    return error ? 0 : size;
}

}  // namespace

std::filesystem::path full_path(const std::filesystem::path& partials, const MissingFile& item) {
    return partials / (item.file.sha256.hex() + ".full");
}

std::filesystem::path delta_path(const std::filesystem::path& partials, const MissingFile& item) {
    return partials / (item.file.sha256.hex() + ".delta");
}

std::uint64_t disk_needed(const std::vector<MissingFile>& missing, const trust::Manifest& manifest,
                          const std::filesystem::path& partials) {
    std::uint64_t total = 0;
    std::uint64_t largest = 0;
    std::uint64_t here = 0;
    std::uint64_t deltas_here = 0;
    for (const auto& item : missing) {
        total += item.file.size;
        largest = std::max(largest, item.file.size);
        if (item.base)
            deltas_here += bytes_of(delta_path(partials, item));
        else
            here += std::min(bytes_of(full_path(partials, item)), item.file.size);
    }
    here += std::min(deltas_here, largest);
    total += largest;
    for (const auto& file : manifest.files) total += file.executable ? file.size : 0;
    return total - here + manifest.requirements.disk_bytes + disk_slack;
}

}  // namespace strandline::agent
