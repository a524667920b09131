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
    Place(EventFeed& feed, std::string reader) : feed_(&feed), reader_(std::move(reader)) {
        ++feed_->streams_;
        ++feed_->streams_of_[reader_];
    }
    ~Place() {
        --feed_->streams_;
        const auto own = feed_->streams_of_.find(reader_);
        if (--own->second == 0) feed_->streams_of_.erase(own);
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

private:
    EventFeed* feed_;
    std::string reader_;
};

EventFeed::EventFeed(net::Runtime& runtime, const fleet::EventLog& log, Options options)
    : runtime_(&runtime), log_(&log), options_(options) {}

Result<net::Response> EventFeed::open(std::int64_t cursor, Reader reader) {
    const auto full = [this](std::string_view whose, std::size_t limit) {
        auto error = fail(Errc::unavailable,
                          fmt::format("{} {} event streams, which is the limit", whose, limit));
        error.retry_after = options_.keep_alive;
        return error;
    };
    if (streams_ >= options_.max_streams) return full("the hub has", options_.max_streams);
    const auto own = streams_of_.find(reader.name);
    if (own != streams_of_.end() && own->second >= options_.max_streams_per_caller) {
        return full(reader.name + " has", options_.max_streams_per_caller);
    }
    // Shared with the body's closure, which the server copies about.
    auto place = std::make_shared<Place>(*this, std::move(reader.name));
    net::Response response;
    response.headers.set("Content-Type", "text/event-stream");
    response.headers.set("Cache-Control", "no-store");
    response.body =
        net::StreamBody([this, place, cursor, check = std::move(reader.check)](
                            net::BodyWriter& out) { return write_events(out, cursor, check); });
    return response;
}

boost::asio::awaitable<Status> EventFeed::write_events(net::BodyWriter& out, std::int64_t cursor,
                                                       Check check) {
    CO_TRY(co_await out.write(as_bytes(": strandline events\n\n")));
    auto quiet_until = Deadline::after(options_.keep_alive);
    while (!stopping_) {
        const bool quiet = quiet_until.passed();
        std::function<Result<std::vector<fleet::Event>>()> read =
            [log = log_, cursor, check, quiet]() -> Result<std::vector<fleet::Event>> {
            TRY(auto events, log->after(cursor, batch));
            if (quiet || !events.empty()) TRY(check());
            return events;
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
        if (quiet) {
            CO_TRY(co_await out.write(as_bytes(":\n\n")));
            quiet_until = Deadline::after(options_.keep_alive);
        }
        co_await net::sleep_for(options_.poll);
    }
    co_return Status{};
}

}  // namespace strandline::hub
