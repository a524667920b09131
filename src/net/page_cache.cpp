#include "net/page_cache.h"

#include <algorithm>
#include <cerrno>
#include <sys/uio.h>
#include <unistd.h>

#include "base/bytes.h"

namespace strandline::net {
namespace {

constexpr std::size_t step_bytes = std::size_t{128} * 1024;

bool byte_is_cached(int file, std::uint64_t offset) {
    char byte = 0;
    const iovec part{&byte, 1};
    const auto got = ::preadv2(file, &part, 1, static_cast<off_t>(offset), RWF_NOWAIT);
    return got >= 0 || errno != EAGAIN;
}

}  // namespace

bool is_cached(int file, std::uint64_t offset, std::uint64_t size) {
    if (size == 0) return true;
    return byte_is_cached(file, offset) && byte_is_cached(file, offset + size - 1);
}

Status load_into_cache(int file, std::uint64_t offset, std::uint64_t size) {
    Bytes scrap(std::min<std::uint64_t>(size, step_bytes));
    while (size > 0) {
        const auto wanted = std::min<std::uint64_t>(size, scrap.size());
        const auto got = ::pread(file, scrap.data(), wanted, static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return error_from_errno("read a file", errno);
        if (got == 0) break;
        offset += static_cast<std::uint64_t>(got);
        size -= static_cast<std::uint64_t>(got);
    }
    return {};
}

}  // namespace strandline::net
