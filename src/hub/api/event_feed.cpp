#include "hub/api/event_feed.h"

#include <fmt/core.h>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace strandline::hub {
namespace {

constexpr std::size_t batch = 200;

std::string frames(const std::vector<fleet::Event>& events) {
    std::string text;
    for (const auto& event : events) {
        // The data is compact JSON, so it has no line ends of its own.
        text +=
            fmt::format("id: {}\nevent: {}\ndata: {}\n\n", event.cursor, event.type, event.data);
    }
    return text;
}

}  // namespace

// Counts one open stream for as long as its answer lives.
class EventFeed::Place {
public:
    explicit Place(EventFeed& feed) : feed_(&feed) { ++feed_->streams_; }
    ~Place() { --feed_->streams_; }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

private:
    EventFeed* feed_;
};

EventFeed::EventFeed(net::Runtime& runtime, const fleet::EventLog& log, Options options)
    : runtime_(&runtime), log_(&log), options_(options) {}

Result<net::Response> EventFeed::open(std::int64_t cursor) {
    if (streams_ >= options_.max_streams) {
        auto error = fail(
            Errc::unavailable,
            fmt::format("{} event streams are open, which is the limit", options_.max_streams));
        error.retry_after = options_.keep_alive;
        return error;
    }
    // Shared with the body's closure, which the server copies about.
    auto place = std::make_shared<Place>(*this);
    net::Response response;
    response.headers.set("Content-Type", "text/event-stream");
    response.headers.set("Cache-Control", "no-store");
    response.body = net::StreamBody(
        [this, place, cursor](net::BodyWriter& out) { return write_events(out, cursor); });
    return response;
}

boost::asio::awaitable<Status> EventFeed::write_events(net::BodyWriter& out, std::int64_t cursor) {
    CO_TRY(co_await out.write(as_bytes(": strandline events\n\n")));
    auto quiet_until = Deadline::after(options_.keep_alive);
    while (!stopping_) {
        std::function<Result<std::vector<fleet::Event>>()> read = [log = log_, cursor] {
            return log->after(cursor, batch);
        };
        CO_TRY(const auto events,
               co_await runtime_->offload<std::vector<fleet::Event>>(std::move(read)));
        if (!events.empty()) {
            cursor = events.back().cursor;
            const auto text = frames(events);
            CO_TRY(co_await out.write(as_bytes(text)));
            quiet_until = Deadline::after(options_.keep_alive);
            continue;
        }
        if (quiet_until.passed()) {
            CO_TRY(co_await out.write(as_bytes(":\n\n")));
            quiet_until = Deadline::after(options_.keep_alive);
        }
        co_await net::sleep_for(options_.poll);
    }
    co_return Status{};
}

}  // namespace strandline::hub
