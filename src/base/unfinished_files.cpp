#include "base/unfinished_files.h"

#include <system_error>

#include "base/file.h"
#include "base/ids.h"
#include "base/log.h"

namespace strandline {
namespace {
namespace fs = std::filesystem;

bool is_unfinished(std::string_view name) {
    static const std::size_t id_size = make_id(unfinished_prefix).size();
    if (name.size() <= id_size) return false;
    const auto id = name.substr(name.size() - id_size);
    return name[name.size() - id_size - 1] == '.' && id.starts_with(unfinished_prefix) &&
           id[unfinished_prefix.size()] == '-';
}

}  // namespace

Status remove_unfinished_files(const fs::path& folder) {
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
        if (!is_unfinished(it->path().filename().string())) continue;
        TRY(remove_file(it->path()));
        log_info("unfinished file removed path={}", it->path().string());
    }
    if (error && error != std::errc::no_such_file_or_directory)
        return error_from_errno("list " + folder.string(), error.value());
    return {};
}

}  // namespace strandline
