#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace strandline::hub {

/// The head of one part of a form.
struct PartHead {
    std::string name;
    std::optional<std::string> filename = {};
    std::string content_type = {};
};

/// Receives the parts of a form in order. An error ends the parse with that error.
class PartSink {
public:
    virtual ~PartSink() = default;
    [[nodiscard]] virtual Status begin(const PartHead& head) = 0;
    [[nodiscard]] virtual Status data(ByteSpan bytes) = 0;
    [[nodiscard]] virtual Status end() = 0;
};

struct MultipartLimits {
    std::size_t max_head_bytes = 8192;
    std::size_t max_parts = 2'048;
};

/// Push parser of multipart/form-data (RFC 7578 on RFC 2046 section 5.1): bytes in any pieces,
/// parts out as they come; holds one piece and a boundary's length, whatever the size of the form.
/// Anything malformed or past a limit is `invalid`.
class MultipartParser {
public:
    using Limits = MultipartLimits;

    /// `content_type` is the request's header with its boundary. `sink` is borrowed.
    [[nodiscard]] static Result<MultipartParser> create(std::string_view content_type,
                                                        PartSink& sink, Limits limits = {});

    [[nodiscard]] Status feed(ByteSpan bytes);
    /// Once the input ended: fails unless the closing boundary was seen.
    [[nodiscard]] Status finish();

private:
    enum class State { preamble, after_delimiter, head, body, done };
    enum class Step { again, need_more };

    MultipartParser(std::string delimiter, PartSink& sink, Limits limits);
    Result<Step> step();
    Result<Step> skip_preamble();
    Result<Step> read_delimiter_end();
    Result<Step> read_head();
    Result<Step> read_body();
    [[nodiscard]] std::string_view rest() const { return std::string_view(buffer_).substr(used_); }

    std::string delimiter_;  ///< CRLF, two hyphens and the boundary
    PartSink* sink_;
    Limits limits_;
    State state_ = State::preamble;
    std::string buffer_ = "\r\n";  // lets a form start with its first boundary
    std::size_t used_ = 0;
    std::size_t parts_ = 0;
};

/// The value of a parameter such as `boundary` in a header value; handles quoted strings.
[[nodiscard]] std::optional<std::string> header_parameter(std::string_view value,
                                                          std::string_view name);

}  // namespace strandline::hub
