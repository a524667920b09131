#include "hub/state/blob_hold.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <thread>
#include <utility>

#include "base/backoff.h"

namespace strandline::hub {
namespace {

// False when others hold it in a way that does not go together with `how`.
Result<bool> take(const UniqueFd& fd, int how) {
    if (::flock(fd.get(), how | LOCK_NB) == 0) return true;
    if (errno == EWOULDBLOCK) return false;
    return error_from_errno("lock blobs.hold", errno);
}

Result<UniqueFd> open_hold(const std::filesystem::path& state) {
    return open_file(state / "blobs.hold", O_RDWR | O_CREAT);
}

}  // namespace

Result<BlobHold> BlobHold::together(const std::filesystem::path& state, Deadline deadline) {
    TRY(auto fd, open_hold(state));
    Backoff pause(std::chrono::milliseconds(10), std::chrono::milliseconds(500));
    while (true) {
        TRY(const bool taken, take(fd, LOCK_SH));
        if (taken) return BlobHold(std::move(fd));
        if (deadline.passed())
            return fail(Errc::timeout, "the hub is removing blobs or replacing keys; try again");
        std::this_thread::sleep_for(pause.next());
    }
}

Result<std::optional<BlobHold>> BlobHold::alone(const std::filesystem::path& state) {
    TRY(auto fd, open_hold(state));
    TRY(const bool taken, take(fd, LOCK_EX));
    if (!taken) return std::optional<BlobHold>();
    return std::optional(BlobHold(std::move(fd)));
}

}  // namespace strandline::hub
