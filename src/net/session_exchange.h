#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "net/session.h"

// Internal to net.
namespace strandline::net {

/// The body of a streaming request, and of the others while it is collected.
class SessionBody final : public BodyReader {
public:
    /// The session is kept alive by the exchange that holds this reader.
    SessionBody(Session& session, std::uint64_t max_bytes, bool expects_continue);

    asio::awaitable<Result<std::size_t>> read(std::span<std::byte> out) override;
    [[nodiscard]] std::optional<std::uint64_t> length() const override;

    void set_deadline(Deadline deadline) { deadline_ = deadline; }
    [[nodiscard]] bool too_large() const { return too_large_; }
    [[nodiscard]] bool broken() const { return broken_; }
    /// True while the client waits for a go-ahead that it has not got.
    [[nodiscard]] bool awaits_continue() const { return expects_continue_; }
    /// The status that fits a failed read.
    [[nodiscard]] int error_status(const Error& error) const;

private:
    asio::awaitable<Status> send_continue();

    Session& session_;
    std::uint64_t max_bytes_;
    bool expects_continue_;
    bool too_large_ = false;
    bool broken_ = false;
    Deadline deadline_ = Deadline::never();
};

/// One request and its answer. A handler that outlasts its deadline or its connection keeps it.
struct Session::Exchange {
    std::shared_ptr<Session> session;
    Request request;
    const Router::Route* route = nullptr;
    std::optional<SessionBody> body;
    std::optional<Result<Response>> result;
    bool done = false;
    std::atomic<bool> abandoned = false;  ///< a pool thread asks before it begins
    std::uint64_t body_memory = 0;        ///< its share of ServerOptions::max_body_memory
    bool http_1_0 = false;
    bool keep_alive = true;
    SteadyTime started{};

    Exchange() = default;
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;
    ~Exchange();
    /// Called when the handler is done, on the I/O thread.
    void finish();
};

/// Fills in method, target, path, query and headers. A malformed target is `invalid`.
[[nodiscard]] Status take_head(ParsedHead& head, Request& request);

/// Turns what a handler threw into a logged `internal` error.
[[nodiscard]] Error handler_failure(const Request& request, const std::exception_ptr& failure);

}  // namespace strandline::net
