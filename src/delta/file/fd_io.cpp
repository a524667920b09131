#include "delta/file/fd_io.h"

#include <cerrno>
#include <unistd.h>

namespace strandline::delta {

Status read_fully(int fd, std::uint64_t offset, std::span<std::byte> out) {
    while (!out.empty()) {
        const auto got = ::pread(fd, out.data(), out.size(), static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return error_from_errno("read", errno);
        if (got == 0) return fail(Errc::corrupt, "file ended early");
        out = out.subspan(static_cast<std::size_t>(got));
        offset += static_cast<std::uint64_t>(got);
    }
    return {};
}

Status write_fully(int fd, std::uint64_t offset, ByteSpan bytes,
                   const std::filesystem::path& path) {
    while (!bytes.empty()) {
        const auto put = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return error_from_errno("write " + path.string(), errno);
        bytes = bytes.subspan(static_cast<std::size_t>(put));
        offset += static_cast<std::uint64_t>(put);
    }
    return {};
}

}  // namespace strandline::delta
