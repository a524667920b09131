#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "fleet/event_log.h"
#include "net/http_message.h"
#include "net/runtime.h"

namespace strandline::hub {

/// Server-sent events (WHATWG HTML section 9.2) over the event log. The log is asked again and
/// again rather than signalled: events may come from another replica.
class EventFeed {
public:
    struct Options {
        std::size_t max_streams = 64;
        std::size_t max_streams_per_caller = 8;
        std::chrono::milliseconds poll{250};
        std::chrono::milliseconds keep_alive{15'000};
    };

    EventFeed(net::Runtime& runtime, const fleet::EventLog& log, Options options);
    EventFeed(net::Runtime& runtime, const fleet::EventLog& log)
        : EventFeed(runtime, log, Options()) {}

    struct Reader {
        std::string name;               ///< whose share of the streams it takes
        std::function<Status()> check;  ///< whether it may still read; blocks, on a worker
    };

    /// An endless answer that starts after `cursor`. `unavailable` when too many streams are open,
    /// of all or of this reader. It ends before the first event that the reader may no longer see.
    /// I/O thread.
    [[nodiscard]] Result<net::Response> open(std::int64_t cursor, Reader reader);
    /// Ends the open streams soon, so that a server can drain. Thread-safe.
    void stop() { stopping_ = true; }
    [[nodiscard]] std::size_t streams() const { return streams_; }

private:
    class Place;
    using Check = std::function<Status()>;
    boost::asio::awaitable<Status> write_events(net::BodyWriter& out, std::int64_t cursor,
                                                Check check);

    net::Runtime* runtime_;
    const fleet::EventLog* log_;
    Options options_;
    std::atomic<bool> stopping_{false};
    std::atomic<std::size_t> streams_{0};
    std::map<std::string, std::size_t> streams_of_;  ///< of each reader; I/O thread
};

}  // namespace strandline::hub
