#include "net/service_notify.h"

#include <array>
#include <cstdlib>
#include <gtest/gtest.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "net/runtime.h"

namespace strandline::net {
namespace {

// A service manager's socket in the abstract space, and the environment that names it.
class Manager {
public:
    Manager() : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        // Only the family: the kernel picks a free abstract name.
        EXPECT_EQ(
            ::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address.sun_family), 0);
        socklen_t size = sizeof address;
        EXPECT_EQ(::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
        const std::string name(address.sun_path + 1, size - sizeof address.sun_family - 1);
        ::setenv("NOTIFY_SOCKET", ("@" + name).c_str(), 1);
    }
    ~Manager() {
        for (const auto* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})
            ::unsetenv(name);
    }
    Manager(const Manager&) = delete;
    Manager& operator=(const Manager&) = delete;

    // The next message; empty after five seconds.
    std::string next() {
        pollfd wait{.fd = fd_.get(), .events = POLLIN, .revents = 0};
        if (::poll(&wait, 1, 5'000) != 1) return {};
        std::array<char, 256> text{};
        const auto size = ::recv(fd_.get(), text.data(), text.size(), 0);
        return size < 0 ? std::string() : std::string(text.data(), static_cast<std::size_t>(size));
    }

private:
    UniqueFd fd_;
};

TEST(ServiceNotify, TellsTheManager) {
    Manager manager;
    notify_service("READY=1");
    EXPECT_EQ(manager.next(), "READY=1");
    notify_reloading();
    EXPECT_TRUE(manager.next().starts_with("RELOADING=1\nMONOTONIC_USEC="));
}

TEST(ServiceNotify, SilentWithoutAManager) {
    ::unsetenv("NOTIFY_SOCKET");
    notify_service("READY=1");
    EXPECT_FALSE(watchdog_interval());
}

TEST(ServiceNotify, WatchdogOnlyForTheProcessItWasSetFor) {
    const Manager manager;
    ::setenv("WATCHDOG_USEC", "3000000", 1);
    EXPECT_EQ(watchdog_interval(), std::chrono::seconds(3));
    ::setenv("WATCHDOG_PID", "1", 1);
    EXPECT_FALSE(watchdog_interval());
    ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
    EXPECT_EQ(watchdog_interval(), std::chrono::seconds(3));
    ::setenv("WATCHDOG_USEC", "soon", 1);
    EXPECT_FALSE(watchdog_interval());
}

boost::asio::awaitable<void> stop_at(Runtime& runtime, Manager& manager, int signs) {
    while (signs > 0 && manager.next() == "WATCHDOG=1") {
        --signs;
        co_await sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_EQ(signs, 0);
    runtime.stop();
}

TEST(ServiceNotify, SignsOfLifeComeFromTheLoop) {
    Manager manager;
    ::setenv("WATCHDOG_USEC", "3000", 1);
    Runtime runtime({});
    runtime.spawn(keep_watchdog());
    runtime.spawn(stop_at(runtime, manager, 3));
    runtime.run();
}

boost::asio::awaitable<void> start_slowly(Manager& manager, bool& ready) {
    for (int asked = 0; asked < 3; ++asked) {
        EXPECT_EQ(manager.next(), "EXTEND_TIMEOUT_USEC=60000000");
        co_await sleep_for(std::chrono::milliseconds(2));
    }
    ready = true;
}

boost::asio::awaitable<void> stop_after_start(Runtime& runtime, const bool& ready) {
    co_await extend_start(ready, std::chrono::milliseconds(1));
    EXPECT_TRUE(ready);
    runtime.stop();
}

TEST(ServiceNotify, ASlowStartGetsMoreTimeUntilItIsOver) {
    Manager manager;
    bool ready = false;
    Runtime runtime({});
    runtime.spawn(stop_after_start(runtime, ready));
    runtime.spawn(start_slowly(manager, ready));
    runtime.run();
}

TEST(ServiceNotify, NobodyIsAskedForTimeWithoutAManager) {
    ::unsetenv("NOTIFY_SOCKET");
    const bool ready = false;
    Runtime runtime({});
    runtime
        .block_on([](const bool& never) -> Task<bool> {
            co_await extend_start(never);
            co_return true;
        }(ready))
        .value();
}

}  // namespace
}  // namespace strandline::net
