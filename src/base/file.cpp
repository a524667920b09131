#include "base/file.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/ids.h"
#include "base/unfinished_files.h"

namespace strandline {
namespace fs = std::filesystem;

void UniqueFd::reset() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
}

Result<UniqueFd> open_file(const fs::path& path, int flags, unsigned mode) {
    for (;;) {
        const int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
        if (fd >= 0) return UniqueFd(fd);
        if (errno != EINTR) return error_from_errno("open " + path.string(), errno);
    }
}

Result<Bytes> read_file(const fs::path& path, std::size_t limit) {
    TRY(const auto fd, open_file(path, O_RDONLY));
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) return error_from_errno("stat " + path.string(), errno);
    if (!S_ISREG(status.st_mode))
        return fail(Errc::invalid, path.string() + ": is not a regular file");
    if (static_cast<std::uint64_t>(status.st_size) > limit) {
        return fail(Errc::invalid, fmt::format("{}: {} bytes, at most {} are accepted",
                                               path.string(), status.st_size, limit));
    }
    Bytes bytes(static_cast<std::size_t>(status.st_size));
    TRY(read_exactly_at(fd.get(), 0, bytes));
    return bytes;
}

Result<std::string> read_text_file(const fs::path& path, std::size_t limit) {
    TRY(const auto bytes, read_file(path, limit));
    return std::string(as_text(bytes));
}

Status write_all(int fd, ByteSpan bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::write(fd, bytes.data(), bytes.size());
        if (count < 0) {
            if (errno == EINTR) continue;
            return error_from_errno("write", errno);
        }
        bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    return {};
}

Status read_exactly_at(int fd, std::uint64_t offset, std::span<std::byte> out) {
    while (!out.empty()) {
        const ssize_t count = ::pread(fd, out.data(), out.size(), static_cast<off_t>(offset));
        if (count < 0) {
            if (errno == EINTR) continue;
            return error_from_errno("read", errno);
        }
        if (count == 0) return fail(Errc::corrupt, "the file is shorter than expected");
        out = out.subspan(static_cast<std::size_t>(count));
        offset += static_cast<std::uint64_t>(count);
    }
    return {};
}

Status sync_file(int fd, const fs::path& path) {
    if (::fsync(fd) != 0) return error_from_errno("fsync " + path.string(), errno);
    return {};
}

Status sync_folder(const fs::path& folder) {
    TRY(const auto fd, open_file(folder, O_RDONLY | O_DIRECTORY));
    return sync_file(fd.get(), folder);
}

Status write_file_atomically(const fs::path& path, ByteSpan bytes, unsigned mode) {
    const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
    const fs::path temporary = path.string() + "." + make_id(unfinished_prefix);
    const auto write = [&]() -> Status {
        // First, so that after the rename only the disk itself can fail.
        TRY(const auto folder_fd, open_file(folder, O_RDONLY | O_DIRECTORY));
        TRY(const auto fd, open_file(temporary, O_WRONLY | O_CREAT | O_EXCL, mode));
        TRY(write_all(fd.get(), bytes));
        TRY(sync_file(fd.get(), temporary));
        if (::rename(temporary.c_str(), path.c_str()) != 0) {
            return error_from_errno("rename to " + path.string(), errno);
        }
        return sync_file(folder_fd.get(), folder);
    };
    auto written = write();
    if (!written) {
        ::unlink(temporary.c_str());
        return context("write " + path.string(), written.error());
    }
    return {};
}

Status make_folders(const fs::path& folder) {
    std::error_code error;
    fs::path made;
    for (const auto& part : folder) {
        const fs::path parent = made.empty() ? fs::path(".") : made;
        made /= part;
        if (::mkdir(made.c_str(), 0700) == 0) {
            // What is synced in the new folder would be lost with its own name.
            TRY(sync_folder(parent));
        } else if (errno != EEXIST) {
            const int reason = errno;
            if (fs::is_directory(made, error)) continue;  // such as "/" on a read-only system
            return error_from_errno("create folder " + made.string(), reason);
        }
    }
    if (!fs::is_directory(folder, error)) {
        return fail(Errc::conflict, folder.string() + ": exists and is not a folder");
    }
    return {};
}

Status remove_file(const fs::path& path) {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
        return error_from_errno("remove " + path.string(), errno);
    }
    return {};
}

Result<std::uint64_t> free_disk_bytes(const fs::path& path) {
    struct statvfs status {};
    if (::statvfs(path.c_str(), &status) != 0)
        return error_from_errno("statvfs " + path.string(), errno);
    return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
}

Result<LockFile> LockFile::acquire(const fs::path& path) {
    TRY(auto fd, open_file(path, O_RDWR | O_CREAT));
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return error_from_errno("lock " + path.string(), errno);
        const auto holder = read_text_file(path, 64);
        return fail(Errc::conflict,
                    fmt::format("{} is held by another process ({}); stop it or use "
                                "another state folder",
                                path.string(), holder ? *holder : "unknown"));
    }
    const std::string text = fmt::format("pid {}", ::getpid());
    if (::ftruncate(fd.get(), 0) != 0) return error_from_errno("truncate " + path.string(), errno);
    TRY(write_all(fd.get(), as_bytes(text)));
    return LockFile(std::move(fd));
}

}  // namespace strandline
