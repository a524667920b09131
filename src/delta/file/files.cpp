#include "delta/files.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "delta/file/fd_io.h"

namespace strandline::delta {
namespace {

void close_if_open(int fd) {
    if (fd >= 0) ::close(fd);
}

}  // namespace

Result<FileReader> FileReader::open(const std::filesystem::path& path) {
    FileReader reader(::open(path.c_str(), O_RDONLY | O_CLOEXEC), 0);
    struct stat info {};
    if (reader.fd_ < 0 || ::fstat(reader.fd_, &info) != 0) {
        return error_from_errno("open " + path.string(), errno);
    }
    reader.size_ = static_cast<std::uint64_t>(info.st_size);
    return reader;
}

FileReader::FileReader(FileReader&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), size_(std::exchange(other.size_, 0)) {}

FileReader& FileReader::operator=(FileReader&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(size_, other.size_);
    return *this;
}

FileReader::~FileReader() { close_if_open(fd_); }

Status FileReader::read_at(std::uint64_t offset, std::span<std::byte> out) const {
    return read_fully(fd_, offset, out);
}

FileWriter::FileWriter(int fd, std::uint64_t position, std::filesystem::path path)
    : fd_(fd), position_(position), path_(std::move(path)) {}

Result<FileWriter> FileWriter::open(const std::filesystem::path& path, std::uint64_t keep) {
    constexpr mode_t owner_only = 0600;
    FileWriter writer(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, owner_only), keep, path);
    if (writer.fd_ < 0) return error_from_errno("open " + path.string(), errno);
    struct stat info {};
    if (::fstat(writer.fd_, &info) != 0) return error_from_errno("open " + path.string(), errno);
    writer.position_ = std::min(keep, static_cast<std::uint64_t>(info.st_size));
    if (keep < static_cast<std::uint64_t>(info.st_size)) TRY(writer.truncate(keep));
    return writer;
}

FileWriter::FileWriter(FileWriter&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      position_(other.position_),
      path_(std::move(other.path_)) {}

FileWriter& FileWriter::operator=(FileWriter&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(position_, other.position_);
    std::swap(path_, other.path_);
    return *this;
}

FileWriter::~FileWriter() { close_if_open(fd_); }

Status FileWriter::write(ByteSpan bytes) {
    TRY(write_at(position_, bytes));
    position_ += bytes.size();
    return {};
}

Status FileWriter::write_at(std::uint64_t offset, ByteSpan bytes) {
    return write_fully(fd_, offset, bytes, path_);
}

Status FileWriter::truncate(std::uint64_t size) {
    if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) {
        return error_from_errno("shorten " + path_.string(), errno);
    }
    return {};
}

Status FileWriter::rewind(std::uint64_t size) {
    TRY(truncate(size));
    position_ = size;
    return {};
}

Status FileWriter::sync() {
    if (::fsync(fd_) != 0) return error_from_errno("sync " + path_.string(), errno);
    return {};
}

}  // namespace strandline::delta
