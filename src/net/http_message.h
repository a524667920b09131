#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/deadline.h"
#include "base/file.h"
#include "base/result.h"

namespace strandline::net {

class SharedRate;

enum class Method { get, head, post, put, patch, del, options };
[[nodiscard]] std::string_view to_string(Method method);

/// Compares as header names, schemes and codings do.
[[nodiscard]] bool equals_ignoring_case(std::string_view a, std::string_view b);

/// Header fields in order; names compare without case (RFC 9110 section 5.1).
class Headers {
public:
    using Field = std::pair<std::string, std::string>;

    [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
    /// Replaces every field of that name.
    void set(std::string_view name, std::string value);
    void add(std::string_view name, std::string value);
    void erase(std::string_view name);
    [[nodiscard]] const std::vector<Field>& fields() const { return fields_; }

private:
    std::vector<Field> fields_;
};

/// The other end of a connection.
struct Peer {
    std::string address;
    std::uint16_t port = 0;
    bool tls = false;
    /// Of the verified client certificate, if one was given.
    std::optional<std::string> common_name;
    std::optional<std::string> certificate_serial;  ///< lower-case hexadecimal
};

/// A body that arrives piece by piece.
class BodyReader {
public:
    virtual ~BodyReader() = default;
    /// Reads at least one byte; 0 is the end. A peer that stalls past the idle limit is `timeout`,
    /// one that goes away `cancelled`, more than the route's limit `invalid`.
    [[nodiscard]] virtual boost::asio::awaitable<Result<std::size_t>> read(
        std::span<std::byte> out) = 0;
    /// The declared length, if there is one.
    [[nodiscard]] virtual std::optional<std::uint64_t> length() const = 0;
};

/// A body written piece by piece with chunked coding.
class BodyWriter {
public:
    virtual ~BodyWriter() = default;
    [[nodiscard]] virtual boost::asio::awaitable<Status> write(ByteSpan bytes) = 0;
};

struct Request {
    Method method = Method::get;
    std::string target;                                      ///< as received, with the query
    std::string path;                                        ///< percent-decoded, without the query
    std::vector<std::pair<std::string, std::string>> query;  ///< percent-decoded
    std::vector<std::pair<std::string, std::string>> params;  ///< `{name}` parts of the route
    Headers headers;
    std::string body;              ///< of a buffered route
    BodyReader* stream = nullptr;  ///< of a streaming route; lives as long as the handler runs
    Peer peer;

    [[nodiscard]] std::optional<std::string_view> query_value(std::string_view name) const;
    /// The route parameter; asking for one that the route does not have is a fault of ours.
    [[nodiscard]] const std::string& param(std::string_view name) const;
};

/// A part of a file, sent without copying where the transport allows.
struct FileBody {
    std::shared_ptr<const UniqueFd> file;
    std::uint64_t size = 0;  ///< of the whole file
    std::string etag;        ///< quoted; enables If-None-Match, If-Range and Range
};

/// Writes the body itself; returning an error cuts the connection, so the client sees it.
using StreamBody = std::function<boost::asio::awaitable<Status>(BodyWriter&)>;

struct Response {
    int status = 200;
    Headers headers;
    std::variant<std::string, std::shared_ptr<const std::string>, FileBody, StreamBody> body;
    /// Bounds the bytes/s of this body; 0 is unlimited.
    std::uint64_t max_bytes_per_second = 0;
    /// A rate that this body, if it is a file, shares with others; null is unlimited.
    std::shared_ptr<SharedRate> shared_rate;  // shared with the other responses
    /// Called once after the last byte was handed to the kernel or the transfer broke.
    std::function<void(std::uint64_t bytes_sent, bool complete)> on_sent;
};

[[nodiscard]] Response text_response(int status, std::string body,
                                     std::string_view content_type = "text/plain; charset=utf-8");
[[nodiscard]] Response json_response(int status, std::string json);
/// The catalogue's status and `{"error":{"code","message"}}`; sets Retry-After (whole seconds,
/// rounded up) when the error has one.
[[nodiscard]] Response error_response(const Error& error);

/// Decodes %XX; `invalid` when malformed or when it hides a NUL.
[[nodiscard]] Result<std::string> percent_decode(std::string_view text, bool plus_is_space = false);
[[nodiscard]] std::string percent_encode(std::string_view text);

/// Milliseconds asked for by a Retry-After value: seconds or an HTTP date (RFC 9110 10.2.3).
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view value,
                                                                         WallTime now);

}  // namespace strandline::net
