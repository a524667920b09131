#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "net/http_message.h"

// Internal to net: the only user of Beast.
namespace strandline::net {

struct HeadLimits {
    std::size_t max_bytes = 16 * 1024;
    std::size_t max_fields = 128;
};

/// The head of one message as it came in.
struct ParsedHead {
    std::optional<Method> method;  ///< of a request; none for one that we do not know
    std::string target;            ///< of a request
    int status = 0;                ///< of a response
    int version = 11;              ///< 10 or 11
    bool keep_alive = false;
    Headers headers;
};

struct BodyStep {
    std::size_t consumed = 0;
    std::size_t produced = 0;
};

/// Parses one HTTP/1.1 message after the other, strictly: what two programs may read in two ways
/// (RFC 9112 section 11.2: both length fields, unknown codings, folded lines, bad chunk sizes) is
/// refused. Does no I/O.
class HttpParser {
public:
    enum class Kind { request, response, response_to_head };

    explicit HttpParser(HeadLimits limits);
    ~HttpParser();

    /// Begins the next message.
    void start(Kind kind);
    /// Reads the head when `bytes` hold all of it and says how many they were; 0 asks for more, to
    /// be given again from the beginning.
    [[nodiscard]] Result<std::size_t> read_head(std::string_view bytes);
    /// The status that answers a failed read_head().
    [[nodiscard]] int error_status() const;
    [[nodiscard]] ParsedHead& head();

    /// Declared length of the body; none when chunked or up to the end of the connection.
    [[nodiscard]] std::optional<std::uint64_t> content_length() const;
    /// Bytes that belong to the body as they stand, and may be read to their place and passed to
    /// skip_body(); 0 when they have to go through read_body().
    [[nodiscard]] std::uint64_t raw_bytes_left() const;
    void skip_body(std::span<std::byte> bytes);
    /// Decodes body bytes. Consuming nothing asks for more input. Bad framing is `invalid`.
    [[nodiscard]] Result<BodyStep> read_body(ByteSpan in, std::span<std::byte> out);
    /// True when the body is complete.
    [[nodiscard]] bool done() const;
    /// True when the end of the connection is the end of the body.
    [[nodiscard]] bool ends_with_connection() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace strandline::net
