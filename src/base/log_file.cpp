#include "base/log_file.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"

namespace strandline {

Status log_to_file(const std::filesystem::path& file) {
    if (file.empty()) return {};
    constexpr unsigned readable_by_group = 0640;
    auto opened = open_file(file, O_WRONLY | O_CREAT | O_APPEND, readable_by_group);
    if (!opened) return context("log file", std::move(opened).error());
    // One step for every thread, and for children that share our standard error.
    if (::dup2(opened->get(), STDERR_FILENO) < 0) {
        return error_from_errno("log file " + file.string(), errno);
    }
    return {};
}

Status check_log_file(const std::filesystem::path& file) {
    if (file.empty()) return {};
    const auto folder = std::filesystem::absolute(file).parent_path();
    if (::access(folder.c_str(), W_OK | X_OK) != 0) {
        return error_from_errno(
            "log.file " + file.string() + ": cannot write in " + folder.string(), errno);
    }
    if (::access(file.c_str(), W_OK) != 0 && errno != ENOENT) {
        return error_from_errno("log.file " + file.string() + ": cannot write it", errno);
    }
    return {};
}

}  // namespace strandline
