#include "delta/file/mapped_file.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace strandline::delta {

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
    const auto name = "open " + path.string();
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return error_from_errno(name, errno);
    struct stat info {};
    void* address = nullptr;
    int problem = ::fstat(fd, &info) == 0 ? 0 : errno;
    if (problem == 0 && info.st_size > 0) {
        address =
            ::mmap(nullptr, static_cast<std::size_t>(info.st_size), PROT_READ, MAP_PRIVATE, fd, 0);
        if (address == MAP_FAILED) problem = errno;
    }
    ::close(fd);
    if (problem != 0) return error_from_errno(name, problem);
    return MappedFile(address, static_cast<std::size_t>(info.st_size));
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : address_(std::exchange(other.address_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
    std::swap(address_, other.address_);
    std::swap(size_, other.size_);
    return *this;
}

MappedFile::~MappedFile() {
    if (address_ != nullptr) ::munmap(address_, size_);
}

}  // namespace strandline::delta
