#include "net/service_notify.h"

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fmt/core.h>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "net/runtime.h"

namespace strandline::net {
namespace {

std::string_view environment(const char* name) {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody changes it
    return value == nullptr ? std::string_view{} : std::string_view(value);
}

template <class T>
std::optional<T> number_in(std::string_view text) {
    T value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

}  // namespace

void notify_service(std::string_view state) {
    const auto name = environment("NOTIFY_SOCKET");
    sockaddr_un address{};
    if (name.empty() || name.size() >= sizeof address.sun_path) return;
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    // How the variable writes a name in the abstract space.
    if (name.front() == '@') address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const auto* where = reinterpret_cast<const sockaddr*>(&address);
    // Without waiting: a manager that does not listen must not stop us.
    if (::sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT, where, size) <
        0) {
        log_debug("service manager not told state={} error=\"{}\"", state,
                  error_from_errno("send", errno).message);
    }
}

void notify_reloading() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    notify_service(fmt::format("RELOADING=1\nMONOTONIC_USEC={}",
                               std::chrono::duration_cast<std::chrono::microseconds>(now).count()));
}

std::optional<std::chrono::microseconds> watchdog_interval() {
    const auto interval = number_in<std::int64_t>(environment("WATCHDOG_USEC"));
    if (!interval || *interval <= 0) return std::nullopt;
    const auto meant = number_in<pid_t>(environment("WATCHDOG_PID"));
    // Set for another process of the service.
    if (meant && *meant != ::getpid()) return std::nullopt;
    return std::chrono::microseconds(*interval);
}

boost::asio::awaitable<void> keep_watchdog() {
    const auto interval = watchdog_interval();
    while (interval) {
        notify_service("WATCHDOG=1");
        co_await sleep_for(*interval / 3);
    }
}

boost::asio::awaitable<void> extend_start(const bool& ready, std::chrono::milliseconds interval) {
    if (environment("NOTIFY_SOCKET").empty()) co_return;
    while (!ready) {
        // From now on; one minute outlasts two lost messages.
        notify_service("EXTEND_TIMEOUT_USEC=60000000");
        co_await sleep_for(interval);
    }
}

}  // namespace strandline::net
