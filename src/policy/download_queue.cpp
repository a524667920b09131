#include "policy/download_queue.h"

#include <algorithm>

namespace strandline::policy {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

// Enough started work to keep the line busy while the next ones get going, little enough that each
// download gets a fair piece of the rate.
constexpr seconds busy_span{1};
// When what runs cannot fill the line, one more at a time is let in.
constexpr std::chrono::milliseconds refill_step{20};
// A place is kept this long for somebody who does not come back for it.
constexpr seconds promise_grace{30};
constexpr int smoothing = 8;

}  // namespace

DownloadQueue::DownloadQueue(DownloadQueueOptions options, SteadyTime now)
    : options_(options), horizon_(now), last_start_(now - refill_step) {}

nanoseconds DownloadQueue::cost(std::uint64_t bytes) const {
    const auto slots = static_cast<std::int64_t>(options_.max_concurrent);
    const nanoseconds by_slots = mean_duration_ / std::max<std::int64_t>(slots, 1);
    if (options_.bytes_per_second <= 0) return by_slots;
    const std::chrono::duration<double> by_rate(static_cast<double>(bytes) /
                                                options_.bytes_per_second);
    return std::max(by_slots, std::chrono::duration_cast<nanoseconds>(by_rate));
}

bool DownloadQueue::may_start(const LineState& line, SteadyTime now) const {
    if (running_ >= options_.max_concurrent) return false;
    if (options_.bytes_per_second <= 0) return true;
    const std::chrono::duration<double> busy = busy_span;
    if (static_cast<double>(line.backlog) < options_.bytes_per_second * busy.count()) return true;
    return !line.saturated && now - last_start_ >= refill_step;
}

void DownloadQueue::start(SteadyTime now) {
    ++running_;
    last_start_ = now;
}

void DownloadQueue::forget(std::string_view who) {
    const auto known = promises_.find(std::string(who));
    if (known == promises_.end()) return;
    auto [place, end] = by_start_.equal_range(known->second);
    while (place != end && place->second != who) ++place;
    if (place != end) by_start_.erase(place);
    promises_.erase(known);
}

void DownloadQueue::sweep(SteadyTime now) {
    while (!by_start_.empty() && by_start_.begin()->first + promise_grace < now) {
        promises_.erase(by_start_.begin()->second);
        by_start_.erase(by_start_.begin());
    }
}

SteadyTime DownloadQueue::place_of(std::string_view who, std::uint64_t bytes, const LineState& line,
                                   SteadyTime now) {
    const auto known = promises_.find(std::string(who));
    if (known != promises_.end()) return known->second;
    // Nobody else is known: what was estimated before need not be believed any more. What slow
    // clients have still to come does not stand in the way of others.
    if (promises_.empty() && waiting_.empty())
        horizon_ = line.saturated ? now + cost(line.backlog) : now;
    const auto place = std::max(horizon_, now);
    horizon_ = place + cost(bytes);
    return place;
}

DownloadQueue::Verdict DownloadQueue::promise(std::string_view who, SteadyTime start,
                                              SteadyTime now) {
    if (promises_.size() < options_.max_promises && !promises_.contains(std::string(who))) {
        promises_.emplace(who, start);
        by_start_.emplace(start, who);
    }
    // Back early by half of what may be waited for here: then somebody is always ready to start.
    const auto away = std::chrono::floor<seconds>(start - now - options_.hold / 2);
    return {.kind = Verdict::Kind::come_back, .after = std::max(away, seconds{1})};
}

DownloadQueue::Verdict DownloadQueue::enter(std::string_view who, std::uint64_t bytes,
                                            const LineState& line, SteadyTime now) {
    sweep(now);
    const auto place = place_of(who, bytes, line, now);
    if (waiting_.empty() && may_start(line, now)) {
        forget(who);
        start(now);
        return {};
    }
    if (place - now > options_.hold || waiting_.size() >= options_.max_waiting)
        return promise(who, place, now);
    forget(who);
    const auto id = next_id_++;
    waiting_.emplace(place, id);
    waiting_since_.emplace(id, place);
    return {.kind = Verdict::Kind::wait, .id = id};
}

std::optional<DownloadQueue::Id> DownloadQueue::pop(const LineState& line, SteadyTime now) {
    if (waiting_.empty() || !may_start(line, now)) return std::nullopt;
    const auto id = waiting_.begin()->second;
    withdraw(id);
    start(now);
    return id;
}

bool DownloadQueue::withdraw(Id id) {
    const auto known = waiting_since_.find(id);
    if (known == waiting_since_.end()) return false;
    waiting_.erase({known->second, id});
    waiting_since_.erase(known);
    return true;
}

void DownloadQueue::finish(std::uint64_t unsent, nanoseconds took) {
    --running_;
    if (options_.bytes_per_second > 0) {
        horizon_ -= cost(unsent);
    } else {
        mean_duration_ += (took - mean_duration_) / smoothing;
    }
}

}  // namespace strandline::policy
