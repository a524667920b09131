#include "net/quiet_sendfile.h"

#include <cerrno>
#include <ctime>
#include <signal.h>
#include <sys/sendfile.h>

namespace strandline::net {
namespace {

/// sendfile(2) on a connection that the other side closed raises SIGPIPE, which ends the process by
/// default, and has no flag against it. Changing the signal's disposition would be inherited by
/// every child process, so the signal is kept out for the length of the call.
class NoSigpipe {
public:
    NoSigpipe() {
        sigemptyset(&pipe_);
        sigaddset(&pipe_, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
    }
    NoSigpipe(const NoSigpipe&) = delete;
    NoSigpipe& operator=(const NoSigpipe&) = delete;
    ~NoSigpipe() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

    /// Takes back the signal that a call may have raised.
    void swallow() const {
        constexpr timespec at_once{0, 0};
        sigtimedwait(&pipe_, nullptr, &at_once);
    }

private:
    sigset_t pipe_{};
    sigset_t before_{};
};

}  // namespace

ssize_t quiet_sendfile(int socket, int file, off_t offset, std::size_t size) {
    const NoSigpipe quiet;
    const auto sent = ::sendfile(socket, file, &offset, size);
    const int saved_errno = errno;
    // Also raised when the connection breaks after some bytes, which then count as sent.
    if (sent < 0 ? saved_errno == EPIPE : static_cast<std::size_t>(sent) < size) quiet.swallow();
    errno = saved_errno;
    return sent;
}

}  // namespace strandline::net
