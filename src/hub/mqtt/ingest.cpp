#include "hub/mqtt/ingest.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/log.h"
#include "trust/report.h"

namespace strandline::hub {
namespace {

constexpr std::size_t max_batch = 256;
// After a failed batch: long enough to let a busy database breathe.
constexpr std::chrono::milliseconds retry_wait{500};
constexpr unsigned max_attempts = 5;

struct Sorted {
    std::vector<trust::Report> reports;
    std::map<std::string, Presence> presence;
};

Sorted sort_batch(std::span<const UpMessage> batch, IngestOutcome& outcome) {
    Sorted sorted;
    for (const auto& message : batch) {
        if (message.name == "state") {
            const auto presence = presence_from_json(message.payload);
            if (presence) sorted.presence[message.device] = *presence;
            outcome.rejected += presence ? 0 : 1;
        } else {
            auto report = trust::report_from_json(message.payload);
            const bool own = report && report->device == message.device;
            if (own) sorted.reports.push_back(*std::move(report));
            outcome.rejected += own ? 0 : 1;
        }
    }
    return sorted;
}

Status apply_presence(Domain& domain, const Sorted& sorted, bool online, IngestOutcome& outcome) {
    std::vector<fleet::PresenceChange> changes;
    for (const auto& [device, presence] : sorted.presence) {
        if (presence.online == online) changes.push_back({device, presence.boot, online});
    }
    if (changes.empty()) return {};
    TRY(const auto outcomes, domain.devices.set_online(changes));
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        if (outcomes[i] == fleet::PresenceOutcome::unknown_device)
            outcome.unknown.push_back(changes[i].device);
    }
    return {};
}

Status apply_reports(Domain& domain, const Sorted& sorted, IngestOutcome& outcome) {
    if (sorted.reports.empty()) return {};
    TRY(const auto results, domain.fleet.apply_reports(sorted.reports));
    for (std::size_t i = 0; i < results.size(); ++i) {
        const auto& result = results[i];
        if (result) {
            outcome.desired_changed |= result->behind;
            outcome.deltas_wanted |= result->accepted;
        } else if (result.error().code == Errc::not_found) {
            outcome.unknown.push_back(sorted.reports[i].device);
        } else {
            ++outcome.rejected;
        }
    }
    return {};
}

}  // namespace

Result<IngestOutcome> apply_batch(Domain& domain, std::span<const UpMessage> batch) {
    IngestOutcome outcome;
    const auto sorted = sort_batch(batch, outcome);
    TRY(apply_presence(domain, sorted, true, outcome));
    TRY(apply_reports(domain, sorted, outcome));
    TRY(apply_presence(domain, sorted, false, outcome));
    return outcome;
}

Ingest::Ingest(net::Runtime& runtime, Domain& domain, Metrics& metrics, std::size_t max_queued)
    : runtime_(&runtime),
      domain_(&domain),
      max_queued_(max_queued),
      wake_(runtime.executor()),
      received_(
          &metrics.counter("strandline_ingest_messages_total", "MQTT messages of devices taken.")),
      dropped_(&metrics.counter("strandline_ingest_dropped_total",
                                "MQTT messages dropped because the queue was full.")),
      rejected_(
          &metrics.counter("strandline_ingest_rejected_total",
                           "MQTT messages that were malformed or in another device's name.")) {}

void Ingest::push(UpMessage message) {
    received_->add();
    if (queue_.size() >= max_queued_) {
        queue_.pop_front();
        dropped_->add();
    }
    queue_.push_back(std::move(message));
    wake_.notify();
}

void Ingest::stop() {
    stopping_ = true;
    wake_.notify();
}

boost::asio::awaitable<void> Ingest::run() {
    while (!stopping_) {
        if (queue_.empty()) {
            co_await wake_.wait(Deadline::never());
            continue;
        }
        const auto count = static_cast<std::ptrdiff_t>(std::min(queue_.size(), max_batch));
        std::vector<UpMessage> batch(std::make_move_iterator(queue_.begin()),
                                     std::make_move_iterator(queue_.begin() + count));
        queue_.erase(queue_.begin(), queue_.begin() + count);
        co_await work(std::move(batch));
    }
}

boost::asio::awaitable<void> Ingest::work(std::vector<UpMessage> batch) {
    // Shared with the worker, which may outlast this coroutine.
    const auto shared = std::make_shared<const std::vector<UpMessage>>(std::move(batch));
    std::function<Result<IngestOutcome>()> apply = [domain = domain_, shared] {
        return apply_batch(*domain, *shared);
    };
    for (unsigned attempt = 0; attempt < max_attempts && !stopping_; ++attempt) {
        auto copy = apply;
        const auto outcome = co_await runtime_->offload<IngestOutcome>(std::move(copy));
        if (outcome) {
            rejected_->add(outcome->rejected);
            on_outcome(*outcome);
            co_return;
        }
        log_warn("ingest of {} messages failed: {}", shared->size(), outcome.error().message);
        co_await net::sleep_for(retry_wait);
    }
    // What is lost here comes again: reports with the next ones, presence with the next session.
    dropped_->add(shared->size());
}

}  // namespace strandline::hub
