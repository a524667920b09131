#include "net/message_reader.h"

#include <algorithm>
#include <cstring>
#include <fmt/core.h>

namespace strandline::net {
namespace {

constexpr std::size_t first_capacity = 4 * 1024;
// Room for the framing of a chunked body, and for whole chunks of usual senders.
constexpr std::size_t body_capacity = 64 * 1024;

}  // namespace

void InputBuffer::consume(std::size_t size) {
    begin_ += size;
    if (begin_ == end_) begin_ = end_ = 0;
}

std::span<std::byte> InputBuffer::room(std::size_t limit) {
    const auto used = end_ - begin_;
    if (used >= limit) return {};
    if (end_ == data_.size() && begin_ > 0) {
        std::memmove(data_.data(), data_.data() + begin_, used);
        begin_ = 0;
        end_ = used;
    }
    if (end_ == data_.size()) {
        data_.resize(std::min(limit, std::max(first_capacity, data_.size() * 4)));
    }
    return std::span(data_).subspan(end_);
}

void InputBuffer::shrink() {
    if (!empty() || data_.size() <= first_capacity) return;
    data_ = {};
    begin_ = end_ = 0;
}

MessageReader::MessageReader(Stream& stream, HeadLimits limits) : parser(limits), stream_(stream) {}

asio::awaitable<Status> MessageReader::receive(std::size_t limit) {
    const auto room = input.room(limit);
    if (room.empty()) co_return fail(Errc::invalid, "the message framing is too large");
    const auto size = co_await stream_.read_some(room);
    if (!size) co_return size.error();
    if (*size == 0) {
        ended = true;
        co_return fail(Errc::unavailable, "the other side closed the connection");
    }
    input.commit(*size);
    co_return Status{};
}

bool MessageReader::body_done() const {
    return parser.done() || (ended && parser.ends_with_connection());
}

Error MessageReader::cut() const {
    const auto length = parser.content_length();
    if (!length) {
        return fail(Errc::unavailable,
                    fmt::format("the connection was cut after {} bytes of the body", body_bytes));
    }
    return fail(Errc::unavailable,
                fmt::format("the connection was cut after {} of {} bytes of the body", body_bytes,
                            *length));
}

asio::awaitable<Result<std::size_t>> MessageReader::read_raw(std::span<std::byte> out) {
    const bool to_the_end = parser.ends_with_connection();
    const auto size = co_await stream_.read_some(out);
    if (!size && size.error().code == Errc::unavailable) co_return cut();
    if (!size) co_return size.error();
    if (*size == 0) {
        ended = true;
        if (!to_the_end) co_return cut();
        co_return std::size_t{0};
    }
    parser.skip_body(out.first(*size));
    body_bytes += *size;
    co_return *size;
}

asio::awaitable<Result<std::size_t>> MessageReader::read_body(std::span<std::byte> out) {
    STRANDLINE_ASSERT(!out.empty());
    while (!body_done()) {
        if (!input.empty()) {
            const auto step = parser.read_body(input.bytes(), out);
            if (!step) co_return step.error();
            input.consume(step->consumed);
            body_bytes += step->produced;
            if (step->produced > 0) co_return step->produced;
            if (step->consumed > 0) continue;
        } else if (const auto left = parser.raw_bytes_left(); left > 0) {
            const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left, out.size()));
            co_return co_await read_raw(out.first(size));
        } else if (parser.ends_with_connection()) {
            co_return co_await read_raw(out);
        }
        const auto received = co_await receive(body_capacity);
        if (!received && ended) co_return cut();
        if (!received) co_return received.error();
    }
    co_return std::size_t{0};
}

}  // namespace strandline::net
