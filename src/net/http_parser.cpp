#include "net/http_parser.h"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <fmt/core.h>
#include <limits>
#include <variant>

namespace strandline::net {
namespace {

namespace http = boost::beast::http;
using Verb = http::verb;
using ErrorCode = boost::system::error_code;
using Text = boost::beast::string_view;

constexpr std::size_t shortest_chunked_body = 5;

std::string_view view(Text text) { return {text.data(), text.size()}; }

std::optional<Method> to_method(Verb verb) {
    switch (verb) {
        case Verb::get:
            return Method::get;
        case Verb::head:
            return Method::head;
        case Verb::post:
            return Method::post;
        case Verb::put:
            return Method::put;
        case Verb::patch:
            return Method::patch;
        case Verb::delete_:
            return Method::del;
        case Verb::options:
            return Method::options;
        default:
            return std::nullopt;
    }
}

/// Where the callbacks of both machines put what they see.
struct Sink {
    ParsedHead head;
    HeadLimits limits;
    bool head_done = false;
    std::size_t hosts = 0;
    bool chunked = false;
    bool chunks_begun = false;
    // Of the running body step.
    std::span<std::byte> out;
    std::size_t produced = 0;
    bool in_place = false;
};

template <bool is_request>
class Machine final : public http::basic_parser<is_request> {
public:
    explicit Machine(Sink& sink) : sink_(sink) {
        this->header_limit(static_cast<std::uint32_t>(sink.limits.max_bytes));
        this->body_limit(boost::none);  // the caller counts
    }

private:
    void on_request_impl(Verb method, Text, Text target, int version, ErrorCode&) override {
        sink_.head.method = to_method(method);
        sink_.head.target = view(target);
        sink_.head.version = version;
    }
    void on_response_impl(int status, Text, int version, ErrorCode&) override {
        sink_.head.status = status;
        sink_.head.version = version;
    }
    void on_field_impl(http::field name, Text name_text, Text value, ErrorCode& failed) override {
        if (sink_.head_done) return;  // trailers are of no use here
        if (sink_.head.headers.fields().size() >= sink_.limits.max_fields) {
            failed = http::error::header_limit;
            return;
        }
        if (name == http::field::host) ++sink_.hosts;
        if (name == http::field::transfer_encoding) {
            // Beast takes an unknown coding as no body at all, a proxy might not.
            const bool plain = equals_ignoring_case(view(value), "chunked");
            if (!plain || sink_.head.version < 11) failed = http::error::bad_transfer_encoding;
            sink_.chunked = true;
        }
        sink_.head.headers.add(view(name_text), std::string(view(value)));
    }
    void on_header_impl(ErrorCode&) override { sink_.head_done = true; }
    void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) override {}
    std::size_t on_body_impl(Text body, ErrorCode&) override {
        if (sink_.in_place) return body.size();
        const auto size = std::min(body.size(), sink_.out.size());
        std::copy_n(reinterpret_cast<const std::byte*>(body.data()), size, sink_.out.data());
        sink_.out = sink_.out.subspan(size);
        sink_.produced += size;
        return size;
    }
    void on_chunk_header_impl(std::uint64_t, Text, ErrorCode&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, Text body, ErrorCode& failed) override {
        return on_body_impl(body, failed);
    }
    void on_finish_impl(ErrorCode&) override {}

    Sink& sink_;
};

/// Obsolete line folding (RFC 9112 section 5.2), which Beast would unfold.
bool has_folded_line(std::string_view head) {
    for (auto at = head.find('\n'); at + 1 < head.size(); at = head.find('\n', at + 1)) {
        if (at == std::string_view::npos) return false;
        if (head[at + 1] == ' ' || head[at + 1] == '\t') return true;
    }
    return false;
}

}  // namespace

struct HttpParser::Impl {
    template <class Function>
    auto with_machine(Function function) {
        if (auto* const request = std::get_if<0>(&machine)) return function(**request);
        return function(*std::get<1>(machine));
    }

    Status check_head(std::string_view text);
    Error refuse(int status, std::string message) {
        error_status = status;
        return fail(Errc::invalid, std::move(message));
    }

    Sink sink;
    Kind kind = Kind::request;
    // Both in place, so that the next message of a connection allocates nothing.
    std::variant<std::optional<Machine<true>>, std::optional<Machine<false>>> machine;
    int error_status = 400;
    std::size_t scanned = 0;
};

HttpParser::HttpParser(HeadLimits limits) : impl_(std::make_unique<Impl>()) {
    impl_->sink.limits = limits;
    start(Kind::request);
}

HttpParser::~HttpParser() = default;

void HttpParser::start(Kind kind) {
    auto& self = *impl_;
    const auto limits = self.sink.limits;
    self.sink = Sink{};
    self.sink.limits = limits;
    self.kind = kind;
    self.error_status = 400;
    self.scanned = 0;
    if (kind == Kind::request) {
        self.machine.emplace<0>().emplace(self.sink);
        return;
    }
    auto& response = self.machine.emplace<1>().emplace(self.sink);
    if (kind == Kind::response_to_head) response.skip(true);
}

Status HttpParser::Impl::check_head(std::string_view text) {
    if (has_folded_line(text)) return refuse(400, "a header line is folded");
    if (kind != Kind::request) return {};
    if (sink.head.version >= 11 && sink.hosts != 1) {
        return refuse(400, "a request needs exactly one Host header");
    }
    if (sink.hosts > 1) return refuse(400, "a request needs exactly one Host header");
    if (!sink.head.method) return refuse(501, "the method is not supported");
    return {};
}

Result<std::size_t> HttpParser::read_head(std::string_view bytes) {
    auto& self = *impl_;
    // Only the whole head is parsed, and no byte is looked at twice, so that work is linear.
    const auto window = bytes.substr(0, self.sink.limits.max_bytes);
    const auto end = window.find("\r\n\r\n", self.scanned);
    if (end == std::string_view::npos) {
        self.scanned = window.size() < 3 ? 0 : window.size() - 3;
        if (bytes.size() < self.sink.limits.max_bytes) return std::size_t{0};
        return self.refuse(
            431, fmt::format("the header is larger than {} bytes", self.sink.limits.max_bytes));
    }
    const auto text = bytes.substr(0, end + 4);
    ErrorCode failed;
    self.with_machine([&](auto& m) {
        return m.put(boost::asio::const_buffer(text.data(), text.size()), failed);
    });
    if (failed == http::error::header_limit) {
        return self.refuse(
            431, fmt::format("the header has more than {} fields", self.sink.limits.max_fields));
    }
    if (failed) return self.refuse(400, "malformed HTTP header: " + failed.message());
    if (!self.sink.head_done) return self.refuse(400, "malformed HTTP header");
    TRY(self.check_head(text));
    self.sink.head.keep_alive = self.with_machine([](auto& m) { return m.keep_alive(); });
    return text.size();
}

int HttpParser::error_status() const { return impl_->error_status; }

ParsedHead& HttpParser::head() { return impl_->sink.head; }

std::optional<std::uint64_t> HttpParser::content_length() const {
    const auto length = impl_->with_machine([](auto& m) { return m.content_length(); });
    return length ? std::optional<std::uint64_t>(*length) : std::nullopt;
}

std::uint64_t HttpParser::raw_bytes_left() const {
    return impl_->with_machine([](auto& m) -> std::uint64_t {
        if (m.is_done()) return 0;
        const auto left = m.content_length_remaining();
        return left ? *left : 0;
    });
}

void HttpParser::skip_body(std::span<std::byte> bytes) {
    auto& sink = impl_->sink;
    sink.in_place = true;
    ErrorCode failed;
    impl_->with_machine([&](auto& m) {
        return m.put(boost::asio::const_buffer(bytes.data(), bytes.size()), failed);
    });
    sink.in_place = false;
    STRANDLINE_ASSERT(!failed);
}

Result<BodyStep> HttpParser::read_body(ByteSpan in, std::span<std::byte> out) {
    auto& sink = impl_->sink;
    BodyStep step;
    sink.out = out;
    sink.produced = 0;
    while (!done() && step.consumed < in.size() && !sink.out.empty()) {
        const auto rest = in.subspan(step.consumed);
        // Beast 1.81 asserts when the first chunk is the last one and comes as 3 bytes and then one
        // more. No chunked body is shorter than `0 CR LF CR LF`, so waiting for that loses nothing.
        const bool may_be_last = sink.chunked && !sink.chunks_begun && rest[0] == std::byte{'0'};
        if (may_be_last && rest.size() < shortest_chunked_body) break;
        ErrorCode failed;
        const auto used = impl_->with_machine([&](auto& m) {
            return m.put(boost::asio::const_buffer(rest.data(), rest.size()), failed);
        });
        step.consumed += used;
        sink.chunks_begun = sink.chunks_begun || used > 0;
        if (failed == http::error::need_more) break;
        if (failed) return impl_->refuse(400, "malformed body: " + failed.message());
    }
    step.produced = sink.produced;
    return step;
}

bool HttpParser::done() const {
    return impl_->with_machine([](auto& m) { return m.is_done(); });
}

bool HttpParser::ends_with_connection() const {
    return impl_->with_machine([](auto& m) { return m.need_eof(); });
}

}  // namespace strandline::net
