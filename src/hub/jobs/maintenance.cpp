#include "hub/jobs/maintenance.h"

#include <utility>

#include "base/log.h"
#include "hub/state/blob_hold.h"
#include "hub/transfer/open_blobs.h"

namespace strandline::hub {
namespace {

// Keeps a part's result, or the first failure.
template <class T, class U>
void note(const Result<T>& result, U& field, Status& first_failure) {
    if (result) {
        field = static_cast<U>(*result);
    } else if (first_failure) {
        first_failure = result.error();
    }
}

// A backup that is running still needs what its copy of the database refers to.
Result<store::BlobStore::Collected> collect_blobs(Services& services) {
    TRY(const auto alone, BlobHold::alone(services.config.state));
    if (!alone) {
        log_info("unreferenced blobs stay until the running backup is done");
        return store::BlobStore::Collected{};
    }
    auto& references = services.domain.references;
    return services.blobs.collect(
        [&references](const Sha256Digest& digest) { return references.is_referenced(digest); },
        services.config.retention.blob_grace);
}

// Of those that never said goodbye: without a broker, or while it was down.
Result<std::size_t> expire_presence(Services& services) {
    TRY(const auto silent,
        services.domain.devices.expire_presence(services.config.effective_presence_silence()));
    return silent.size();
}

}  // namespace

Result<MaintenanceRound> clean_up(Services& services) {
    auto& domain = services.domain;
    const auto& retention = services.config.retention;
    MaintenanceRound round;
    Status failure;
    note(services.uploads->remove_expired(), round.uploads_removed, failure);
    fleet::EventRetention events;
    events.max_events = static_cast<std::int64_t>(retention.max_events);
    note(domain.events.trim(events), round.events_removed, failure);
    note(domain.delta_jobs.prune(), round.jobs_removed, failure);
    note(expire_presence(services), round.devices_silent, failure);
    const auto blobs = collect_blobs(services);
    services.open_blobs->close_removed();
    if (blobs) {
        round.blobs_removed = blobs->removed;
        round.bytes_removed = blobs->bytes;
    } else if (failure) {
        failure = blobs.error();
    }
    if (!failure) return failure.error();
    return round;
}

boost::asio::awaitable<void> run_maintenance(net::Runtime& runtime, net::Signal& stop,
                                             std::chrono::seconds interval,
                                             std::function<Status()> round) {
    while (!co_await stop.wait(Deadline::after(interval))) {
        std::function<Result<bool>()> work = [round]() -> Result<bool> {
            TRY(round());
            return true;
        };
        const auto done = co_await runtime.offload<bool>(std::move(work));
        if (!done) log_warn("maintenance: {}", done.error().message);
    }
}

}  // namespace strandline::hub
