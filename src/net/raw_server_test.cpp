#include "net/raw_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace strandline::net::testing {
namespace {

/// Reads one request head; false at the end of the connection.
bool read_request(int fd) {
    std::string text;
    char byte = 0;
    while (!text.ends_with("\r\n\r\n")) {
        if (::recv(fd, &byte, 1, 0) != 1) return false;
        text.push_back(byte);
    }
    return true;
}

}  // namespace

RawServer::RawServer(std::vector<std::string> answers, Mode mode)
    : answers_(std::move(answers)),
      mode_(mode),
      listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_, 16), 0);
    socklen_t size = sizeof address;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    if (mode_ != Mode::silent) thread_ = std::thread([this] { serve(); });
}

RawServer::~RawServer() {
    ::shutdown(listener_, SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
    ::close(listener_);
}

std::string RawServer::url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
}

void RawServer::serve() {
    for (const auto& answer : answers_) {
        const int fd = ::accept(listener_, nullptr, nullptr);
        if (fd < 0) return;
        ++connections_;
        const timeval limit{10, 0};
        ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        if (read_request(fd))
            static_cast<void>(::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL));
        if (mode_ == Mode::close_on_second_request) read_request(fd);
        ::close(fd);
    }
}

}  // namespace strandline::net::testing
