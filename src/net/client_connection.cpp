#include "net/client_connection.h"

#include <algorithm>
#include <array>
#include <fmt/core.h>
#include <utility>

namespace strandline::net {
namespace {

constexpr HeadLimits answer_limits{64 * 1024, 256};
constexpr std::size_t piece_bytes = 128 * 1024;
// More interim answers than any server has reason to send.
constexpr int max_interim = 10;

/// What the parser calls invalid is an answer that we cannot trust.
Error as_answer_error(Error error) {
    if (error.code == Errc::invalid) error.code = Errc::corrupt;
    return error;
}

}  // namespace

ClientConnection::ClientConnection(const asio::any_io_executor& executor,
                                   const ClientOptions& options)
    : stream_(executor), reader_(stream_, answer_limits), options_(&options) {}

void ClientConnection::watch(Deadline deadline) {
    stream_.set_deadline(Deadline::after(options_->idle_timeout).earlier(deadline));
}

void ClientConnection::watch_for_answer(const ClientRequest& request) {
    const auto limit = request.answer_timeout.value_or(options_->idle_timeout);
    stream_.set_deadline(Deadline::after(limit).earlier(request.deadline));
}

asio::awaitable<Status> ClientConnection::open(Endpoint endpoint, Deadline deadline) {
    stream_.set_deadline(deadline);
    co_return co_await stream_.connect(std::move(endpoint));
}

asio::awaitable<Status> ClientConnection::secure(TlsRole role, Deadline deadline) {
    stream_.set_deadline(deadline);
    co_return co_await stream_.handshake(std::move(role));
}

asio::awaitable<Status> ClientConnection::write(ByteSpan a, ByteSpan b, ByteSpan c,
                                                Deadline deadline) {
    const std::array<ByteSpan, 3> pieces = {a, b, c};
    watch(deadline);
    co_return co_await stream_.write(pieces);
}

asio::awaitable<Status> ClientConnection::send(const ClientRequest& request, std::string head) {
    answered_ = false;
    reusable_ = false;
    sent_all_ = false;
    if (request.stream != nullptr) {
        CO_TRY(co_await send_stream(*request.stream, std::move(head), request.deadline));
        co_return Status{};
    }
    auto body = as_bytes(request.body);
    auto front = as_bytes(head);
    do {
        const auto piece = body.first(std::min(body.size(), piece_bytes));
        body = body.subspan(piece.size());
        const auto written = co_await write(front, piece, ByteSpan(), request.deadline);
        front = {};
        // The server may have answered and closed without reading on; then the answer counts.
        if (!written && written.error().code != Errc::timeout && stream_.has_input()) {
            co_return Status{};
        }
        if (!written) co_return written.error();
    } while (!body.empty() && !stream_.has_input());
    sent_all_ = body.empty();
    co_return Status{};
}

asio::awaitable<Status> ClientConnection::send_stream(BodyReader& body, std::string head,
                                                      Deadline deadline) {
    const auto length = body.length();
    std::uint64_t total = 0;
    Bytes buffer(piece_bytes);
    for (bool more = true; more && (head.size() > 0 || !stream_.has_input());) {
        const auto size = co_await body.read(buffer);
        if (!size) co_return context("request body", size.error());
        more = *size > 0;
        total += *size;
        if (length && (total > *length || (!more && total < *length))) {
            co_return fail(Errc::corrupt, fmt::format("the request body has {} bytes instead of {}",
                                                      total, *length));
        }
        std::string front = std::exchange(head, {});
        if (!length) front += fmt::format("{:x}\r\n", *size);
        const auto piece = ByteSpan(buffer).first(*size);
        const auto end = as_bytes(length ? "" : "\r\n");
        const auto written = co_await write(as_bytes(front), piece, end, deadline);
        if (!written && written.error().code != Errc::timeout && stream_.has_input()) {
            co_return Status{};
        }
        if (!written) co_return written.error();
        sent_all_ = !more;
    }
    co_return Status{};
}

asio::awaitable<Status> ClientConnection::receive_head(const ClientRequest& request) {
    const auto kind = request.method == Method::head ? HttpParser::Kind::response_to_head
                                                     : HttpParser::Kind::response;
    for (int interim = 0; interim <= max_interim; ++interim) {
        reader_.parser.start(kind);
        reader_.body_bytes = 0;
        bool begun = false;
        watch_for_answer(request);
        for (;;) {
            const auto size = reader_.parser.read_head(as_text(reader_.input.bytes()));
            if (!size) co_return as_answer_error(size.error());
            reader_.input.consume(*size);
            if (*size > 0) break;
            // From its first byte a head has one deadline, however often more of it comes.
            if (!begun && !reader_.input.empty()) watch(request.deadline);
            begun = begun || !reader_.input.empty();
            const auto received = co_await reader_.receive(answer_limits.max_bytes);
            if (!received) co_return as_answer_error(received.error());
            answered_ = true;
        }
        if (reader_.parser.head().status / 100 != 1) co_return Status{};
    }
    co_return fail(Errc::corrupt, "the server sends one interim answer after the other");
}

asio::awaitable<Result<std::size_t>> ClientConnection::read_piece(std::span<std::byte> out,
                                                                  Deadline deadline) {
    watch(deadline);
    const auto begin = std::chrono::steady_clock::now();
    const auto size = co_await reader_.read_body(out);
    if (!size) co_return as_answer_error(size.error());
    CO_TRY(check_speed(*size, std::chrono::steady_clock::now() - begin));
    co_return *size;
}

Status ClientConnection::check_speed(std::size_t bytes, std::chrono::nanoseconds waited) {
    window_bytes_ += bytes;
    window_waited_ += waited;
    if (window_waited_ < options_->low_speed_window) return {};
    const std::chrono::duration<double> seconds = window_waited_;
    const auto least = static_cast<double>(options_->low_speed_bytes_per_second) * seconds.count();
    const bool slow = static_cast<double>(window_bytes_) < least;
    const auto came = std::exchange(window_bytes_, 0);
    window_waited_ = {};
    if (!slow || reader_.body_done()) return {};
    return fail(Errc::timeout,
                fmt::format("the answer comes slower than {} bytes a second: {} bytes in {:.1f} s",
                            options_->low_speed_bytes_per_second, came, seconds.count()));
}

asio::awaitable<Status> ClientConnection::receive_buffered(std::string& out, std::size_t limit,
                                                           Deadline deadline) {
    // An answer to HEAD tells the length of what it does not send.
    if (reader_.body_done()) co_return Status{};
    constexpr std::size_t first_bytes = 4 * 1024;
    const auto length = reader_.parser.content_length();
    const auto too_large = [limit] {
        return fail(Errc::corrupt, fmt::format("the answer is larger than {} bytes", limit));
    };
    if (length && *length > limit) co_return too_large();
    std::size_t used = 0;
    while (!reader_.body_done()) {
        if (used > limit) co_return too_large();
        if (used == out.size()) out.resize(std::max(first_bytes, used * 2));
        if (length) out.resize(std::min(out.size(), static_cast<std::size_t>(*length)));
        const auto room = std::as_writable_bytes(std::span(out)).subspan(used);
        const auto size = co_await read_piece(room, deadline);
        if (!size) co_return size.error();
        used += *size;
    }
    out.resize(used);
    if (used > limit) co_return too_large();
    co_return Status{};
}

asio::awaitable<Status> ClientConnection::receive_into(ResponseSink& sink, Deadline deadline) {
    Bytes buffer(piece_bytes);
    while (!reader_.body_done()) {
        const auto size = co_await read_piece(buffer, deadline);
        if (!size) co_return size.error();
        if (*size == 0) break;
        // The sink may take its time; the server's is not measured meanwhile.
        stream_.set_deadline(Deadline::never());
        CO_TRY(co_await sink.data(ByteSpan(buffer).first(*size)));
    }
    co_return Status{};
}

asio::awaitable<Result<ClientResponse>> ClientConnection::receive(const ClientRequest& request,
                                                                  ResponseSink* sink,
                                                                  std::size_t max_body_bytes) {
    CO_TRY(co_await receive_head(request));
    window_bytes_ = 0;
    window_waited_ = {};
    ClientResponse response;
    response.status = reader_.parser.head().status;
    response.headers = std::move(reader_.parser.head().headers);
    bool streamed = false;
    if (sink != nullptr) {
        CO_TRY(streamed, sink->head(response));
    }
    if (streamed) {
        CO_TRY(co_await receive_into(*sink, request.deadline));
    } else {
        CO_TRY(co_await receive_buffered(response.body, max_body_bytes, request.deadline));
    }
    // Left-over bytes mean that the server and we count differently.
    reusable_ =
        sent_all_ && reader_.parser.head().keep_alive && !reader_.ended && reader_.input.empty();
    stream_.set_deadline(Deadline::never());
    reader_.input.shrink();
    co_return response;
}

}  // namespace strandline::net
