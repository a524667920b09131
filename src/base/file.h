#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/result.h"

namespace strandline {

/// Owns a file descriptor.
class UniqueFd {
public:
    UniqueFd() = default;
    explicit UniqueFd(int fd) : fd_(fd) {}
    UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept {
        if (this != &other) {
            reset();
            fd_ = std::exchange(other.fd_, -1);
        }
        return *this;
    }
    UniqueFd(const UniqueFd&) = delete;
    UniqueFd& operator=(const UniqueFd&) = delete;
    ~UniqueFd() { reset(); }

    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] explicit operator bool() const { return fd_ >= 0; }
    [[nodiscard]] int release() { return std::exchange(fd_, -1); }
    void reset();

private:
    int fd_ = -1;
};

/// open(2) with O_CLOEXEC. The error names the path.
[[nodiscard]] Result<UniqueFd> open_file(const std::filesystem::path& path, int flags,
                                         unsigned mode = 0600);

/// Whole file; larger than `limit` is `invalid`.
[[nodiscard]] Result<std::string> read_text_file(const std::filesystem::path& path,
                                                 std::size_t limit);
[[nodiscard]] Result<Bytes> read_file(const std::filesystem::path& path, std::size_t limit);

/// Writes every byte, or says why not; short writes are continued.
[[nodiscard]] Status write_all(int fd, ByteSpan bytes);
/// Reads exactly `out.size()` bytes at `offset`; an earlier end of file is `corrupt`.
[[nodiscard]] Status read_exactly_at(int fd, std::uint64_t offset, std::span<std::byte> out);

[[nodiscard]] Status sync_file(int fd, const std::filesystem::path& path);
/// Makes renames and unlinks in a folder durable.
[[nodiscard]] Status sync_folder(const std::filesystem::path& folder);

/// Replaces a file as one step that survives a power cut: temporary file in the same folder, write,
/// fsync, rename, fsync of the folder. On an error the old file is untouched.
[[nodiscard]] Status write_file_atomically(const std::filesystem::path& path, ByteSpan bytes,
                                           unsigned mode = 0600);

/// Creates a folder and its parents with mode 0700; present is fine.
[[nodiscard]] Status make_folders(const std::filesystem::path& folder);
/// Removes a file; missing is fine.
[[nodiscard]] Status remove_file(const std::filesystem::path& path);

/// Bytes an unprivileged process may still write to the file system of `path`.
[[nodiscard]] Result<std::uint64_t> free_disk_bytes(const std::filesystem::path& path);

/// An exclusive flock(2) on a file, held until destroyed. Held elsewhere is `conflict` and names
/// the holder's process id where known.
class LockFile {
public:
    [[nodiscard]] static Result<LockFile> acquire(const std::filesystem::path& path);

private:
    explicit LockFile(UniqueFd fd) : fd_(std::move(fd)) {}
    UniqueFd fd_;
};

}  // namespace strandline
