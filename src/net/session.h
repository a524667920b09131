#pragma once

#include <list>
#include <memory>
#include <optional>

#include "net/message_reader.h"
#include "net/response_sender.h"
#include "net/server_core.h"

// Internal to net.
namespace strandline::net {

/// One connection of a server: reads requests, calls handlers, sends answers, until either side is
/// done. Shared by its own coroutine and by handlers that may outlast it.
class Session final : public std::enable_shared_from_this<Session> {
public:
    Session(std::shared_ptr<ServerCore> core, Peer peer, Stream stream, AddressShares::Place place);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    /// The caller keeps the session alive until the coroutine ends.
    [[nodiscard]] asio::awaitable<void> run();

    /// Ends the connection now if it is idle, else after the running request.
    void drain();
    /// Ends it now, whatever runs.
    void abort();
    /// Ends it, which is idle, for the sake of a new connection.
    void give_way();

private:
    friend class SessionBody;
    struct Exchange;

    asio::awaitable<void> converse();
    asio::awaitable<Status> start_tls();
    void rest();
    void end_rest();
    bool request_begins();
    asio::awaitable<bool> receive_head();
    asio::awaitable<bool> refuse_head(int status, Error error);
    asio::awaitable<void> serve();
    asio::awaitable<Response> answer(std::shared_ptr<Exchange> exchange);
    asio::awaitable<Response> run_route(std::shared_ptr<Exchange> exchange);
    asio::awaitable<Status> admit_body(Exchange& exchange);
    asio::awaitable<std::optional<Response>> collect_body(std::shared_ptr<Exchange> exchange,
                                                          Deadline deadline);
    asio::awaitable<Status> read_whole_body(std::shared_ptr<Exchange> exchange, Deadline deadline);
    static Response response_of(Exchange& exchange);
    asio::awaitable<Response> await_handler(std::shared_ptr<Exchange> exchange, Deadline deadline);
    asio::awaitable<void> reply(std::shared_ptr<Exchange> exchange, Response response);
    [[nodiscard]] bool body_can_be_skipped(const Exchange& exchange) const;
    void report(const Exchange& exchange, int status) const;
    asio::awaitable<void> dispose_of_body();
    asio::awaitable<void> linger();
    Status lend_memory(Exchange& exchange, std::uint64_t size);
    static bool answered_at_once(Exchange& exchange);
    static Result<Response> run_blocking(Exchange& exchange);
    Status start_handler(const std::shared_ptr<Exchange>& exchange);
    SendContext send_context();

    std::shared_ptr<ServerCore> core_;
    AddressShares::Place place_;
    Peer peer_;
    Stream stream_;
    MessageReader reader_;
    Signal wake_;
    SentNotice notice_;
    std::optional<std::list<Session*>::iterator> resting_;  ///< its place in ServerCore::resting
    bool idle_ = true;
    bool has_served_ = false;
    bool closing_ = false;
    bool unread_input_ = false;  ///< the other side may still be sending what nobody will read
};

}  // namespace strandline::net
