#include "delta/file/durable_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "delta/file/fd_io.h"

namespace strandline::delta {
namespace {

Status sync_folder_of(const std::filesystem::path& path) {
    const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
    const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return error_from_errno("open " + folder.string(), errno);
    const int problem = ::fsync(fd) == 0 ? 0 : errno;
    ::close(fd);
    if (problem != 0) return error_from_errno("sync " + folder.string(), problem);
    return {};
}

}  // namespace

Result<DiskFile> DiskFile::open(const std::filesystem::path& path, Missing missing) {
    constexpr mode_t owner_only = 0600;
    const int create = missing == Missing::create ? O_CREAT : 0;
    DiskFile file(::open(path.c_str(), O_RDWR | O_CLOEXEC | create, owner_only), path);
    struct stat info {};
    if (file.fd_ < 0 || ::fstat(file.fd_, &info) != 0)
        return error_from_errno("open " + path.string(), errno);
    file.size_ = static_cast<std::uint64_t>(info.st_size);
    if (missing == Missing::create) TRY(sync_folder_of(path));
    return file;
}

DiskFile::DiskFile(DiskFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), size_(other.size_), path_(std::move(other.path_)) {}

DiskFile& DiskFile::operator=(DiskFile&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(size_, other.size_);
    std::swap(path_, other.path_);
    return *this;
}

DiskFile::~DiskFile() {
    if (fd_ >= 0) ::close(fd_);
}

Status DiskFile::read_at(std::uint64_t offset, std::span<std::byte> out) const {
    return read_fully(fd_, offset, out);
}

Status DiskFile::write_at(std::uint64_t offset, ByteSpan bytes) {
    TRY(write_fully(fd_, offset, bytes, path_));
    size_ = std::max(size_, offset + bytes.size());
    return {};
}

Status DiskFile::truncate(std::uint64_t size) {
    if (::ftruncate(fd_, static_cast<off_t>(size)) != 0)
        return error_from_errno("shorten " + path_.string(), errno);
    size_ = size;
    return {};
}

Status DiskFile::allocate(std::uint64_t size) {
    if (size == 0) return {};
    int problem = EINTR;
    while (problem == EINTR) problem = ::posix_fallocate(fd_, 0, static_cast<off_t>(size));
    if (problem == EINVAL || problem == EOPNOTSUPP) return fill_up(size);
    if (problem != 0) return error_from_errno("take room for " + path_.string(), problem);
    size_ = std::max(size_, size);
    return {};
}

// For file systems that know no other way.
Status DiskFile::fill_up(std::uint64_t size) {
    constexpr std::array<std::byte, 4096> zeros{};
    while (size_ < size) {
        TRY(write_at(size_, ByteSpan(zeros).first(static_cast<std::size_t>(
                                std::min<std::uint64_t>(zeros.size(), size - size_)))));
    }
    return {};
}

Status DiskFile::sync() {
    if (::fsync(fd_) != 0) return error_from_errno("sync " + path_.string(), errno);
    return {};
}

}  // namespace strandline::delta
