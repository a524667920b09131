#pragma once

#include <memory>
#include <string>

#include "net/http_message.h"
#include "net/runtime.h"
#include "net/shared_rate.h"
#include "net/stream.h"

// Internal to net.
namespace strandline::net {

/// Calls Response::on_sent exactly once: at the latest when it is destroyed.
class SentNotice {
public:
    SentNotice() = default;
    SentNotice(const SentNotice&) = delete;
    SentNotice& operator=(const SentNotice&) = delete;
    ~SentNotice() { fire(false); }

    void arm(std::function<void(std::uint64_t, bool)> on_sent);
    void add(std::uint64_t size) { bytes_ += size; }
    void fire(bool complete);
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

private:
    std::function<void(std::uint64_t, bool)> on_sent_;
    std::uint64_t bytes_ = 0;
};

/// What the sender needs of the connection.
struct SendContext {
    Runtime* runtime = nullptr;
    Stream* stream = nullptr;
    Signal* wake = nullptr;  ///< notified when the stream is interrupted
    SentNotice* notice = nullptr;
    std::shared_ptr<void> owner;  ///< keeps all of these alive
    std::chrono::milliseconds idle_timeout{};
    std::string_view server_name;
    std::string_view date;
};

/// What it needs of the request.
struct SendRequest {
    Method method = Method::get;
    const Headers* headers = nullptr;
    bool keep_alive = true;
    bool http_1_0 = false;
};

struct SendOutcome {
    int status = 0;
    bool complete = false;
    bool keep_alive = false;
};

/// Sends one response: head, and body by the way its kind asks for. `response` must live until the
/// coroutine ends.
[[nodiscard]] asio::awaitable<SendOutcome> send_response(SendContext context, SendRequest request,
                                                         Response& response);

/// Runs a StreamBody until it ends or the other side goes away. With `chunked`, frames its pieces.
[[nodiscard]] asio::awaitable<Status> send_stream(SendContext context, StreamBody body,
                                                  bool chunked, std::uint64_t max_bytes_per_second);

/// Spreads the bytes of one body over time.
class Pacer {
public:
    Pacer(std::uint64_t bytes_per_second, SteadyTime start, SharedRate* shared = nullptr)
        : rate_(bytes_per_second), start_(start), shared_(shared) {}
    Pacer(const Pacer&) = delete;
    Pacer& operator=(const Pacer&) = delete;
    ~Pacer() {
        if (shared_ != nullptr) shared_->give_back(credit_);
    }

    /// The largest piece to send at once.
    [[nodiscard]] std::size_t piece(std::size_t largest) const;
    /// Takes the piece's share of the common rate; before waiting for the turn.
    void book(std::size_t size);
    /// What was booked and not sent needs no booking the next time.
    void sent(std::size_t size);
    /// True when the turn was missed: then a new one was taken, once for each piece.
    [[nodiscard]] bool missed_turn();
    /// When the next piece may go.
    [[nodiscard]] SteadyTime next() const;
    [[nodiscard]] bool limited() const { return rate_ != 0 || shared_ != nullptr; }

private:
    std::uint64_t rate_;
    SteadyTime start_;
    SharedRate* shared_;
    SteadyTime booked_{};
    std::uint64_t bytes_ = 0;
    std::size_t credit_ = 0;
    bool again_ = false;
};

/// Waits for the pacer's next turn. The stream's interruption ends the wait with its error, at once
/// when `wake` is notified.
[[nodiscard]] asio::awaitable<Status> wait_for_turn(Stream& stream, Signal& wake, Pacer& pacer);

}  // namespace strandline::net
