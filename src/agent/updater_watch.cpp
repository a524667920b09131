#include <chrono>
#include <utility>

#include "agent/states/states.h"
#include "agent/updater_worker.h"
#include "base/log.h"

// When the slots are looked after; what that is stands in watch.cpp.
namespace strandline::agent {
namespace {

constexpr double watch_jitter = 0.2;

}  // namespace

Deadline Updater::next_watch(std::chrono::seconds interval) {
    if (interval.count() == 0) return Deadline::never();
    // A fleet that started together must not be busy together.
    const auto span = std::chrono::duration<double>(interval) *
                      (1.0 - watch_jitter + 2 * watch_jitter * services_.random.uniform());
    return Deadline::after(std::chrono::duration_cast<std::chrono::nanoseconds>(span));
}

void Updater::look_after(Worker& worker, bool probe, bool verify) {
    if (worker.removed) return;
    const auto wanted = wanted_by(worker);
    if (count_restarts(services_, worker.slot, worker.restarts, wanted ? &*wanted : nullptr))
        worker.wake.notify();
    // Each on its own: one that has to wait must not hold up the others.
    if (probe && !worker.probing) tasks_->spawn(probe_slot(worker));
    if (verify && !worker.verifying) tasks_->spawn(verify_slot(worker));
}

boost::asio::awaitable<void> Updater::watch() {
    const auto& intervals = services_.config.watch;
    auto probe_due = next_watch(intervals.probe_interval);
    auto verify_due = next_watch(intervals.verify_interval);
    while (!tasks_->stopping()) {
        const auto until =
            probe_due.earlier(verify_due).earlier(Deadline::after(intervals.count_interval));
        co_await tasks_->wait(watch_end_, until);
        if (tasks_->stopping()) break;
        const bool probe = probe_due.passed();
        const bool verify = verify_due.passed();
        for (const auto& [name, worker] : workers_) look_after(*worker, probe, verify);
        if (probe) probe_due = next_watch(intervals.probe_interval);
        if (verify) verify_due = next_watch(intervals.verify_interval);
    }
}

boost::asio::awaitable<bool> Updater::keep_serving(Worker& worker) {
    auto& slot = worker.slot;
    if (slot.running || !slot.disk.pointer.active) {
        worker.reload_due.reset();
        worker.reload_wait.reset();
        co_return false;
    }
    const bool due = worker.reload_due && worker.reload_due->passed();
    if (worker.reload_due && !due) co_return false;
    worker.reload_due = Deadline::after(min_reload + worker.reload_wait.next());
    if (!due) co_return false;
    const auto kind = slot.active ? slot.active->manifest.kind : trust::RuntimeKind::onnx;
    // Where nothing can run there is nothing to write to the disk for.
    const auto possible = co_await services_.host.can_run(kind);
    if (!possible) co_return true;
    const auto served = co_await serve_active(services_, slot);
    if (served)
        log_info("release loaded at last slot={}", slot.name);
    else
        log_warn("release still not loaded slot={} error=\"{}\"", slot.name,
                 served.error().message);
    services_.changed();
    co_return true;
}

boost::asio::awaitable<void> Updater::probe_slot(Worker& worker) {
    worker.probing = true;
    const auto wanted = wanted_by(worker);
    const bool changed = co_await probe_release(services_, worker.hands, worker.slot,
                                                worker.restarts, wanted ? &*wanted : nullptr);
    worker.probing = false;
    if (changed) worker.wake.notify();
}

boost::asio::awaitable<void> Updater::verify_slot(Worker& worker) {
    worker.verifying = true;
    const bool changed = co_await verify_releases(services_, turn_, worker.slot);
    worker.verifying = false;
    if (changed) worker.wake.notify();
}

}  // namespace strandline::agent
