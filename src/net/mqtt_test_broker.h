#pragma once

#include <arpa/inet.h>
#include <array>
#include <condition_variable>
#include <csignal>
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <memory>
#include <mutex>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/ids.h"
#include "base/subprocess.h"

// For tests only.
namespace strandline::net {

inline constexpr std::chrono::seconds patience{60};

/// A TCP socket on a free port of the loopback.
inline UniqueFd bind_loopback(std::uint16_t& port) {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(fd.get(), generic, size), 0);
    EXPECT_EQ(::getsockname(fd.get(), generic, &size), 0);
    port = ntohs(address.sin_port);
    return fd;
}

/// A real mosquitto on a plain loopback port. Topics below `closed/` are refused.
class TestBroker {
public:
    TestBroker() : folder_(std::filesystem::temp_directory_path() / make_id("broker")) {
        EXPECT_TRUE(make_folders(folder_));
        start();
    }
    ~TestBroker() {
        process_.reset();
        std::filesystem::remove_all(folder_);
    }
    TestBroker(const TestBroker&) = delete;
    TestBroker& operator=(const TestBroker&) = delete;

    [[nodiscard]] std::uint16_t port() const { return port_; }

    /// Returns when it listens; a port that somebody else took meanwhile is replaced.
    void start() {
        for (int attempt = 0; attempt < 20; ++attempt) {
            if (try_start()) return;
            port_ = 0;
        }
        FAIL() << "mosquitto does not start: " << last_line_;
    }

    /// As a crash would.
    void kill() {
        ASSERT_TRUE(process_->send_signal(SIGKILL));
        ASSERT_TRUE(process_->wait(Deadline::after(patience)));
    }

private:
    bool try_start() {
        if (port_ == 0) bind_loopback(port_);
        const auto acl = (folder_ / "acl").string();
        const auto config = fmt::format(
            "{}allow_anonymous true\nacl_file {}\nmax_queued_messages 100000\n"
            "max_inflight_messages 1000\nset_tcp_nodelay true\nlog_dest stderr\n"
            "listener {} 127.0.0.1\n",
            ::geteuid() == 0 ? "user root\n" : "", acl, port_);
        EXPECT_TRUE(write_file_atomically(acl, as_bytes("topic readwrite open/#\n")));
        EXPECT_TRUE(write_file_atomically(folder_ / "conf", as_bytes(config)));
        const std::array<std::filesystem::path, 1> extra{"/usr/sbin"};
        const auto program = find_program("mosquitto", extra);
        EXPECT_TRUE(program) << "install mosquitto";
        if (!program) return false;
        ChildOptions options;
        options.argv = {program->string(), "-c", (folder_ / "conf").string()};
        options.standard_output = ChildOutput::discard;
        options.standard_error = ChildOutput::lines;
        running_ = false;
        options.on_line = [this](std::string_view line) {
            const std::lock_guard lock(mutex_);
            last_line_ = line;
            running_ = running_ || line.ends_with(" running");
            changed_.notify_all();
        };
        auto process = Subprocess::start(std::move(options));
        EXPECT_TRUE(process);
        if (!process) return false;
        process_ = std::move(*process);
        const auto until = Deadline::after(patience);
        std::unique_lock lock(mutex_);
        while (!running_ && process_->running() && !until.passed()) {
            changed_.wait_for(lock, std::chrono::milliseconds{50});
        }
        return running_;
    }

    std::filesystem::path folder_;
    std::uint16_t port_ = 0;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::string last_line_;
    bool running_ = false;
    std::unique_ptr<Subprocess> process_;
};

}  // namespace strandline::net
