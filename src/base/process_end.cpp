#include "base/process_end.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace strandline::detail {
namespace {

/// Nobody else may reap the child before this sees its end, as WNOWAIT leaves it to them.
void wait_for_end(pid_t child, const UniqueFd& /*closed when this returns*/) {
    siginfo_t info{};
    while (::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT) < 0 &&
           errno == EINTR) {
    }
}

}  // namespace

Result<UniqueFd> watch_process_end_by_thread(pid_t child) {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0) return error_from_errno("pipe2", errno);
    UniqueFd watched(ends[0]);
    UniqueFd held(ends[1]);
    try {
        std::thread([child, held = std::move(held)] { wait_for_end(child, held); }).detach();
    } catch (const std::system_error& error) {
        return fail(Errc::exhausted, std::string("start a thread: ") + error.what());
    }
    return watched;
}

Result<UniqueFd> watch_process_end(pid_t child) {
    // Not pidfd_open(): the header of glibc 2.36 lacks C linkage.
    UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
    if (pidfd) return pidfd;
    // EPERM: what containers answer to system calls that their filter does not know.
    if (errno == ENOSYS || errno == EPERM) return watch_process_end_by_thread(child);
    return error_from_errno("pidfd_open", errno);
}

}  // namespace strandline::detail
