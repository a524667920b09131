#include <utility>

#include "agent/states/states.h"
#include "base/log.h"

namespace strandline::agent {
namespace {

std::optional<Release> load_one(const UpdateServices& services,
                                const std::optional<Sha256Digest>& digest) {
    if (!digest) return std::nullopt;
    auto release = services.releases.load(*digest);
    if (release) return std::move(*release);
    log_error("release not readable manifest={} error=\"{}\"", digest->hex(),
              release.error().message);
    return std::nullopt;
}

/// Counts the load on disk before it, and forgets it after: a load that ends the process is seen at
/// the next start.
boost::asio::awaitable<Result<std::unique_ptr<RunningRelease>>> counted_load(
    UpdateServices& services, Slot& slot) {
    auto& journal = slot.disk.journal;
    journal.load_attempts += 1;
    ignore(services.state.save_journal(slot.name, journal),
           "a disk that cannot be written must not stop serving");
    slot.loading = true;
    auto loaded = co_await services.host.load(slot.name, *slot.active);
    slot.loading = false;
    journal.load_attempts = 0;
    ignore(services.state.save_journal(slot.name, journal), "as above");
    co_return loaded;
}

}  // namespace

void load_releases(const UpdateServices& services, Slot& slot) {
    slot.active = load_one(services, slot.disk.pointer.active);
    slot.previous = load_one(services, slot.disk.pointer.previous);
}

boost::asio::awaitable<Status> serve_active(UpdateServices& services, Slot& slot) {
    load_releases(services, slot);
    Status outcome;
    std::unique_ptr<RunningRelease> next;
    slot.not_serving_reason = "no model is installed";
    if (slot.active) {
        auto loaded = co_await counted_load(services, slot);
        if (loaded) {
            next = std::move(*loaded);
        } else {
            slot.not_serving_reason = loaded.error().message;
            outcome = loaded.error();
        }
    }
    auto old = std::exchange(slot.running, std::move(next));
    slot.starts += 1;
    slot.active_since = services.clock.steady();
    if (slot.running) {
        slot.running->publish();
    } else {
        services.host.withdraw(slot.name, slot.not_serving_reason);
    }
    if (old) co_await old->stop();
    co_return outcome;
}

}  // namespace strandline::agent
