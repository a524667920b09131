#include "agent/transfer/partial_file.h"

#include <cerrno>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace strandline::agent {
namespace {

constexpr std::size_t max_record_bytes = 64 * 1024;

std::filesystem::path record_path(const std::filesystem::path& file) {
    auto path = file;
    path += ".json";
    return path;
}

Status truncate_to(int fd, std::uint64_t size, const std::filesystem::path& file) {
    if (::ftruncate(fd, static_cast<off_t>(size)) == 0) return {};
    return error_from_errno("truncate " + file.string(), errno);
}

}  // namespace

Result<PartialFile> PartialFile::open(const std::filesystem::path& file, std::string target) {
    TRY(auto fd, open_file(file, O_RDWR | O_CREAT | O_APPEND, 0600));
    struct stat facts {};
    if (::fstat(fd.get(), &facts) != 0) return error_from_errno(file.string(), errno);
    PartialFile partial(file, std::move(fd));
    const auto text = read_text_file(record_path(file), max_record_bytes);
    const auto record = text ? partial_from_json(*text) : Result<PartialRecord>(text.error());
    const auto size = static_cast<std::uint64_t>(facts.st_size);
    if (record && record->target == target && size <= record->size) {
        partial.record_ = *record;
        partial.offset_ = size;
        return partial;
    }
    TRY(truncate_to(partial.fd_.get(), 0, file));
    partial.record_.target = std::move(target);
    return partial;
}

Status PartialFile::restart(std::string etag, std::uint64_t size) {
    TRY(truncate_to(fd_.get(), 0, file_));
    offset_ = 0;
    record_.etag = std::move(etag);
    record_.size = size;
    return write_file_atomically(record_path(file_), as_bytes(to_json(record_)));
}

Status PartialFile::append(ByteSpan bytes) {
    if (bytes.size() > record_.size - offset_) {
        return fail(Errc::corrupt, record_.target + " is longer than the " +
                                       std::to_string(record_.size) + " bytes announced");
    }
    TRY(write_all(fd_.get(), bytes));
    offset_ += bytes.size();
    unsynced_ += bytes.size();
    return {};
}

std::function<Status()> PartialFile::sync_job() {
    unsynced_ = 0;
    // Shared, since a std::function is copied; its own descriptor, since ours may be closed by
    // then.
    const auto fd = std::make_shared<UniqueFd>(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
    return [fd, file = file_]() -> Status {
        if (fd->get() < 0) return fail(Errc::internal, file.string() + ": no descriptor is left");
        return sync_file(fd->get(), file);
    };
}

Status PartialFile::discard(const std::filesystem::path& file) {
    TRY(remove_file(record_path(file)));
    return remove_file(file);
}

}  // namespace strandline::agent
