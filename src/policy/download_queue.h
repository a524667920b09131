#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/clock.h"

namespace strandline::policy {

struct DownloadQueueOptions {
    double bytes_per_second = 0;  ///< 0 is no limit
    std::size_t max_concurrent = 256;
    /// A start that is at most this far away is waited for here; a later one elsewhere.
    std::chrono::nanoseconds hold = std::chrono::seconds{5};
    std::size_t max_waiting = 4096;
    std::size_t max_promises = 20'000;
};

/// What goes out right now.
struct LineState {
    std::uint64_t backlog = 0;  ///< bytes of started downloads that are still to go
    bool saturated = false;     ///< the rate is used up by what is started
};

/// Decides when each download starts, so that together they keep a rate and a number at once, and
/// so that nobody asks in vain: a client that cannot start soon is promised a start and keeps its
/// place while it is away. The virtual clock `horizon` says when everything known so far is served.
class DownloadQueue {
public:
    using Id = std::uint64_t;
    struct Verdict {
        enum class Kind { start, wait, come_back };
        Kind kind = Kind::start;
        Id id = 0;                      ///< of `wait`: see pop()
        std::chrono::seconds after{0};  ///< of `come_back`: whole seconds, as Retry-After has them
    };

    DownloadQueue(DownloadQueueOptions options, SteadyTime now);

    /// `who` names client and file: asked again, it is the same download.
    [[nodiscard]] Verdict enter(std::string_view who, std::uint64_t bytes, const LineState& line,
                                SteadyTime now);
    /// The next waiting one, if it may start now.
    [[nodiscard]] std::optional<Id> pop(const LineState& line, SteadyTime now);
    /// A waiting one gave up; false when it is not waiting any more.
    bool withdraw(Id id);
    /// A started one ended after `took`, `unsent` bytes short.
    void finish(std::uint64_t unsent, std::chrono::nanoseconds took);

    [[nodiscard]] std::size_t running() const { return running_; }
    [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
    [[nodiscard]] std::size_t promised() const { return promises_.size(); }

private:
    using Place = std::pair<SteadyTime, Id>;
    [[nodiscard]] bool may_start(const LineState& line, SteadyTime now) const;
    [[nodiscard]] std::chrono::nanoseconds cost(std::uint64_t bytes) const;
    [[nodiscard]] SteadyTime place_of(std::string_view who, std::uint64_t bytes,
                                      const LineState& line, SteadyTime now);
    [[nodiscard]] Verdict promise(std::string_view who, SteadyTime start, SteadyTime now);
    void start(SteadyTime now);
    void forget(std::string_view who);
    void sweep(SteadyTime now);

    DownloadQueueOptions options_;
    SteadyTime horizon_;
    SteadyTime last_start_;
    std::chrono::nanoseconds mean_duration_{0};
    std::size_t running_ = 0;
    Id next_id_ = 1;
    std::set<Place> waiting_;
    std::unordered_map<Id, SteadyTime> waiting_since_;
    std::unordered_map<std::string, SteadyTime> promises_;
    std::multimap<SteadyTime, std::string> by_start_;
};

}  // namespace strandline::policy
