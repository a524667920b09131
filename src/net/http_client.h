#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "net/http_message.h"
#include "net/runtime.h"

namespace strandline::net {

/// scheme://host[:port][/path?query]; http and https only.
struct Url {
    bool tls = false;
    std::string host;
    std::uint16_t port = 0;
    std::string target;  ///< path and query, at least "/"

    [[nodiscard]] static Result<Url> parse(std::string_view text);
    [[nodiscard]] std::string origin() const;
};

struct ClientTls {
    std::string ca_pem;  ///< trust anchors; empty uses the system's
    /// Accept a chain that ends in a certificate with this SHA-256 (hex of its DER) instead of
    /// `ca_pem`: how the first contact of an enrolment trusts the hub of a join token. The host
    /// name is not checked then.
    std::string ca_sha256;
    std::string certificate_pem;
    std::string private_key_pem;
    /// Judge the end of validity at this lower bound of the time, not the clock (time floor).
    std::function<std::optional<WallTime>()> verify_time;
};

struct ClientOptions {
    ClientTls tls;
    std::chrono::milliseconds connect_timeout{10'000};
    /// Between two pieces of an answer, and for the whole of its head; a request may allow more for
    /// the wait before it.
    std::chrono::milliseconds idle_timeout{30'000};
    /// An answer whose body comes slower than this over `low_speed_window` is cut; 0 is no limit.
    /// Only time spent waiting for the other side counts.
    std::uint64_t low_speed_bytes_per_second = 0;
    std::chrono::milliseconds low_speed_window{60'000};
    std::size_t max_idle_connections = 4;
    std::size_t max_body_bytes = std::size_t{8} << 20;  ///< of a buffered answer
    std::string user_agent = "strandline";
};

struct ClientRequest {
    Method method = Method::get;
    std::string url;
    Headers headers;
    std::string body;
    /// Sends this instead of `body`, with Content-Length if `stream->length()` is known, else
    /// chunked. Borrowed for the request.
    BodyReader* stream = nullptr;
    /// From the last byte of the request to the first of the answer, for work that the server does
    /// in between; none: `ClientOptions::idle_timeout`.
    std::optional<std::chrono::milliseconds> answer_timeout = std::nullopt;
    Deadline deadline = Deadline::never();
};

struct ClientResponse {
    int status = 0;
    Headers headers;
    std::string body;
};

/// Receives an answer piece by piece. Returning an error ends the transfer with that error.
class ResponseSink {
public:
    virtual ~ResponseSink() = default;
    /// Status and headers; return true to receive the body through data(), false to have it
    /// buffered in the response (an error text, say).
    [[nodiscard]] virtual Result<bool> head(const ClientResponse& response) = 0;
    [[nodiscard]] virtual boost::asio::awaitable<Status> data(ByteSpan bytes) = 0;
};

/// HTTP/1.1 client with a small keep-alive pool per origin; follows no redirects. Belongs to the
/// I/O thread. Errors: name resolution, refused or reset connection `unavailable`, deadline
/// `timeout`, certificate problems `unauthenticated` with the reason, bad protocol `corrupt`.
/// A HTTP status is never an error here; see to_error().
class HttpClient {
public:
    [[nodiscard]] static Result<std::unique_ptr<HttpClient>> create(Runtime& runtime,
                                                                    ClientOptions options);
    ~HttpClient();

    [[nodiscard]] Task<ClientResponse> send(ClientRequest request);
    /// `sink` is borrowed until the coroutine ends.
    [[nodiscard]] Task<ClientResponse> send(ClientRequest request, ResponseSink& sink);

private:
    struct Impl;
    explicit HttpClient(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// How long the server asks to be left alone. A date is measured against the server's own Date
/// where it says one, so a wrong clock here does no harm.
[[nodiscard]] std::optional<std::chrono::milliseconds> retry_after(const ClientResponse& response);

/// The error that a status of 400 or more stands for: code and message of the catalogue's JSON body
/// where there is one, Retry-After included. A redirect is `corrupt`, since none is followed.
[[nodiscard]] Error to_error(const ClientResponse& response, std::string_view what);

}  // namespace strandline::net
