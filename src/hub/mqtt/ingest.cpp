#include "hub/mqtt/ingest.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/log.h"
#include "trust/report.h"

namespace strandline::hub {
namespace {

constexpr std::size_t max_batch = 256;
// Reports are a few kilobytes; a fleet of ten thousand that speaks at once fits.
constexpr std::size_t max_waiting_bytes = std::size_t{64} << 20;
// After a failed batch: long enough to let a busy database breathe.
constexpr std::chrono::milliseconds retry_wait{500};
constexpr unsigned max_attempts = 5;

struct Sorted {
    std::vector<trust::Report> reports;
    std::map<std::string, Presence> presence;
};

/// The last word counts, unless it is the late will of a boot that a restart has replaced.
void keep_newest(std::map<std::string, Presence>& kept, const std::string& device,
                 const Presence& presence) {
    const auto [known, fresh] = kept.try_emplace(device, presence);
    if (!fresh && presence.boot >= known->second.boot) known->second = presence;
}

/// Whether a message says nothing that the one waiting does not.
bool is_stale(const std::string& name, const std::string& waiting, const std::string& payload) {
    if (name != "state") return false;
    const auto before = presence_from_json(waiting);
    const auto now = presence_from_json(payload);
    return before && (!now || now->boot < before->boot);
}

Sorted sort_batch(std::span<const UpMessage> batch, IngestOutcome& outcome) {
    Sorted sorted;
    for (const auto& message : batch) {
        if (message.name == "state") {
            const auto presence = presence_from_json(message.payload);
            if (presence) keep_newest(sorted.presence, message.device, *presence);
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

Status set_presence(Domain& domain, std::span<const fleet::PresenceChange> changes,
                    IngestOutcome& outcome) {
    TRY(const auto outcomes, domain.devices.set_online(changes));
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        if (outcomes[i] == fleet::PresenceOutcome::unknown_device)
            outcome.unknown.push_back(changes[i].device);
    }
    return {};
}

Status take_reports(Domain& domain, std::span<const trust::Report> reports,
                    IngestOutcome& outcome) {
    TRY(const auto results, domain.fleet.apply_reports(reports));
    for (std::size_t i = 0; i < results.size(); ++i) {
        const auto& result = results[i];
        if (result) {
            outcome.desired_changed |= result->behind;
            outcome.deltas_wanted |= result->accepted;
        } else if (result.error().code == Errc::not_found) {
            outcome.unknown.push_back(reports[i].device);
        } else {
            ++outcome.rejected;
        }
    }
    return {};
}

/// All in one transaction. When that fails for a reason that will not pass, one by one: what one
/// device says must not cost what the others say.
template <class Item, class Apply>
Status apply_all(const std::vector<Item>& items, IngestOutcome& outcome, Apply apply) {
    if (items.empty()) return {};
    auto together = apply(std::span(items));
    if (together || info(together.error().code).retryable) return together;
    for (const auto& item : items) {
        auto alone = apply(std::span(&item, 1));
        if (alone) continue;
        if (info(alone.error().code).retryable) return alone;
        log_warn("message of a device dropped device={} reason=\"{}\"", item.device,
                 alone.error().message);
        ++outcome.rejected;
    }
    return {};
}

Status apply_presence(Domain& domain, const Sorted& sorted, bool online, IngestOutcome& outcome) {
    std::vector<fleet::PresenceChange> changes;
    for (const auto& [device, presence] : sorted.presence) {
        if (presence.online == online) changes.push_back({device, presence.boot, online});
    }
    return apply_all(changes, outcome, [&](std::span<const fleet::PresenceChange> some) {
        return set_presence(domain, some, outcome);
    });
}

Status apply_reports(Domain& domain, const Sorted& sorted, IngestOutcome& outcome) {
    return apply_all(sorted.reports, outcome, [&](std::span<const trust::Report> some) {
        return take_reports(domain, some, outcome);
    });
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
      replaced_(&metrics.counter("strandline_ingest_replaced_total",
                                 "MQTT messages replaced by a newer one of the same device.")),
      dropped_(&metrics.counter("strandline_ingest_dropped_total",
                                "MQTT messages dropped because the queue was full.")),
      rejected_(
          &metrics.counter("strandline_ingest_rejected_total",
                           "MQTT messages that were malformed or in another device's name.")) {}

void Ingest::push(UpMessage message) {
    received_->add();
    Key key(std::move(message.device), std::move(message.name));
    const auto known = waiting_.find(key);
    if (known != waiting_.end()) {
        replaced_->add();
        if (is_stale(key.second, known->second, message.payload)) return;
        waiting_bytes_ += message.payload.size() - known->second.size();
        known->second = std::move(message.payload);
        return;
    }
    waiting_bytes_ += message.payload.size();
    order_.push_back(key);
    waiting_.emplace(std::move(key), std::move(message.payload));
    while (order_.size() > max_queued_ ||
           (waiting_bytes_ > max_waiting_bytes && order_.size() > 1)) {
        static_cast<void>(take_oldest());
        dropped_->add();
    }
    wake_.notify();
}

UpMessage Ingest::take_oldest() {
    auto found = waiting_.extract(order_.front());
    order_.pop_front();
    waiting_bytes_ -= found.mapped().size();
    return {.device = std::move(found.key().first),
            .name = std::move(found.key().second),
            .payload = std::move(found.mapped())};
}

void Ingest::stop() {
    stopping_ = true;
    wake_.notify();
}

boost::asio::awaitable<void> Ingest::run() {
    while (!stopping_) {
        if (order_.empty()) {
            co_await wake_.wait(Deadline::never());
            continue;
        }
        std::vector<UpMessage> batch;
        while (!order_.empty() && batch.size() < max_batch) batch.push_back(take_oldest());
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
