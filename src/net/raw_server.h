#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

// For the tests of net only.
namespace strandline::net::testing {

/// A server that sends prepared bytes, right or wrong, one answer for each connection.
class RawServer {
public:
    enum class Mode {
        answer_and_close,
        close_on_second_request,  ///< keeps the connection, then closes it without an answer
        silent                    ///< accepts nothing: connections hang
    };

    explicit RawServer(std::vector<std::string> answers, Mode mode = Mode::answer_and_close);
    ~RawServer();
    RawServer(const RawServer&) = delete;
    RawServer& operator=(const RawServer&) = delete;

    [[nodiscard]] std::string url(const std::string& path) const;
    [[nodiscard]] int connections() const { return connections_; }

private:
    void serve();

    std::vector<std::string> answers_;
    Mode mode_;
    int listener_ = -1;
    std::uint16_t port_ = 0;
    std::atomic<int> connections_{0};
    std::thread thread_;
};

}  // namespace strandline::net::testing
