#include "agent/updater.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "agent/states/states.h"
#include "agent/update_driver.h"
#include "agent/updater_worker.h"
#include "base/log.h"

namespace strandline::agent {
namespace {

// Every wait ends now and then, so that a missed wake-up heals itself.
constexpr std::chrono::minutes max_wait{5};

OrderId id_of(const trust::DesiredSlot& order) { return OrderId{order.manifest, order.deployment}; }

/// Until its release is switched to, nothing on disk names what an update has brought.
bool is_fetching(const Slot& slot) {
    const auto& journal = slot.disk.journal;
    return journal.order && journal.state != UpdateState::idle && journal.state < UpdateState::soak;
}

bool waits_for_second_look(const Slot& slot, const OrderId& order) {
    return is_refused(slot, order) && may_heal(slot.disk.journal.refusal->error);
}

/// What recovery reads from and writes to the disk, on a worker.
Result<SlotRecovery> recover_on_disk(const StateFolder& state, ReleaseStore& releases,
                                     const std::string& name) {
    SlotDisk disk;
    auto pointer = state.load_pointer(name);
    if (pointer)
        disk.pointer = *pointer;
    else
        log_error("slot pointer unreadable slot={} error=\"{}\"", name, pointer.error().message);
    auto journal = state.load_journal(name);
    if (journal)
        disk.journal = std::move(*journal);
    else
        log_error("slot journal unreadable slot={} error=\"{}\"", name, journal.error().message);

    std::set<Sha256Digest> named;
    if (disk.pointer.active) named.insert(*disk.pointer.active);
    if (disk.pointer.previous) named.insert(*disk.pointer.previous);
    auto recovery = recover(disk, releases.intact(named));
    if (recovery.pointer_changed) TRY(state.save_pointer(name, recovery.disk.pointer));
    if (recovery.disk.journal != disk.journal) TRY(state.save_journal(name, recovery.disk.journal));
    for (const auto& digest : recovery.damaged) TRY(releases.move_aside(digest));
    return recovery;
}

/// With `keep_downloads`, only what an update left beside them.
Status clear_partials(const std::filesystem::path& folder, bool keep_downloads) {
    const auto is_download = [](const std::string& extension) {
        return extension == ".full" || extension == ".delta" || extension == ".json";
    };
    std::error_code error;
    for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
         it.increment(error)) {
        if (keep_downloads && is_download(it->path().extension().string())) continue;
        TRY(remove_file(it->path()));
    }
    if (error) return error_from_errno(folder.string(), error.value());
    return {};
}

}  // namespace

std::chrono::milliseconds spread_delay(std::string_view device, std::int64_t generation,
                                       std::chrono::milliseconds window) {
    if (window.count() <= 0) return std::chrono::milliseconds{0};
    const auto digest = sha256(std::string(device) + "/" + std::to_string(generation));
    const auto place =
        load_le<std::uint64_t>(digest.bytes) % static_cast<std::uint64_t>(window.count());
    return std::chrono::milliseconds{static_cast<std::int64_t>(place)};
}

Updater::Updater(UpdateServices services, DesiredKeeper& desired, Tasks& tasks, std::string self)
    : services_(std::move(services)),
      desired_(&desired),
      tasks_(&tasks),
      self_(std::move(self)),
      turn_(services_.runtime),
      watch_end_(services_.runtime.executor()) {
    tasks_->watch(watch_end_);
    services_.needed_releases = [this] { return needed_releases(); };
    services_.needed_blobs = [this] { return needed_blobs(); };
}

Updater::~Updater() = default;

Updater::Worker& Updater::add(std::string name) {
    auto& place = workers_[name];
    place = std::make_unique<Worker>(services_.runtime, services_.random, std::move(name));
    tasks_->watch(place->wake);
    return *place;
}

boost::asio::awaitable<bool> Updater::recover_slot(std::string name) {
    auto& worker = add(name);
    const auto* state = &services_.state;
    auto* releases = &services_.releases;
    std::function<Result<SlotRecovery>()> blocking = [state, releases, name] {
        return recover_on_disk(*state, *releases, name);
    };
    auto recovery = co_await services_.runtime.offload(std::move(blocking));
    if (!recovery) {
        log_error("slot not recovered slot={} error=\"{}\"", name, recovery.error().message);
        worker.slot.problem = trust::ReportedError{"idle", "corrupt", recovery.error().message};
        co_return false;
    }
    worker.slot.disk = std::move(recovery->disk);
    worker.slot.problem = std::move(recovery->problem);
    if (tasks_->stopping()) co_return true;
    const auto served = co_await serve_active(services_, worker.slot);
    if (!served) log_warn("slot not served slot={} reason=\"{}\"", name, served.error().message);
    co_return true;
}

boost::asio::awaitable<void> Updater::start() {
    const auto names = services_.state.slots();
    if (!names) {
        log_error("slots unreadable error=\"{}\"", names.error().message);
        co_return;
    }
    bool settled = true;
    for (const auto& name : *names) {
        if (tasks_->stopping()) co_return;
        const bool recovered = co_await recover_slot(name);
        settled =
            settled && recovered && workers_.at(name)->slot.disk.journal.state == UpdateState::idle;
    }
    if (tasks_->stopping()) co_return;
    // The clean-up after the last update may have been cut off; one under way has its own.
    if (settled) request_clean_up();
    for (const auto& [name, worker] : workers_) tasks_->spawn(work(*worker));
    tasks_->spawn(watch());
}

void Updater::reconcile(bool news, std::chrono::milliseconds fleet_spread) {
    const auto* state = desired_->state();
    if (state == nullptr || tasks_->stopping()) return;
    const auto window = state->spread.count() > 0 ? state->spread : fleet_spread;
    const auto delay =
        news ? spread_delay(self_, state->generation, window) : std::chrono::milliseconds{0};
    for (const auto& order : state->slots) {
        const auto known = workers_.find(order.slot);
        const bool fresh = known == workers_.end();
        auto& worker = fresh ? add(order.slot) : *known->second;
        // A slot whose order did not change goes on with what it is doing.
        if (worker.slot.disk.journal.order != id_of(order)) {
            worker.not_before = Deadline::after(delay);
        }
        if (fresh) tasks_->spawn(work(worker));
    }
    for (const auto& [name, worker] : workers_) worker->wake.notify();
}

std::optional<OrderId> Updater::wanted_by(const Worker& worker) const {
    const auto* wanted = desired_->slot(worker.slot.name);
    return wanted == nullptr ? std::nullopt : std::optional(id_of(*wanted));
}

std::optional<trust::DesiredSlot> Updater::unfinished(const Worker& worker) const {
    const auto& slot = worker.slot;
    const auto& journal = slot.disk.journal;
    const auto* wanted = desired_->slot(slot.name);
    const bool ending =
        journal.state == UpdateState::roll_back || journal.state == UpdateState::report;
    const bool soak_was_cut = wanted != nullptr && is_refused(slot, id_of(*wanted)) &&
                              journal.unproven && journal.unproven == slot.disk.pointer.active;
    std::optional<OrderId> order;
    if (ending)
        order = journal.order;
    else if (soak_was_cut)
        order = OrderId{*journal.unproven, journal.unproven_deployment};
    if (!order) return std::nullopt;
    // The rules of what is wanted now are the newest that the hub gave for the slot.
    auto out = wanted == nullptr ? trust::DesiredSlot{} : *wanted;
    out.manifest = order->manifest;
    out.deployment = order->deployment;
    if (slot.active && slot.active->digest == order->manifest)
        out.version = slot.active->manifest.version;
    return out;
}

std::optional<trust::DesiredSlot> Updater::due_order(const Worker& worker) const {
    if (auto order = unfinished(worker)) return order;
    const auto* wanted = desired_->slot(worker.slot.name);
    if (wanted == nullptr || is_settled(worker, id_of(*wanted)) || !worker.not_before.passed())
        return std::nullopt;
    return *wanted;
}

Deadline Updater::next_look(const Worker& worker) const {
    auto until = Deadline::after(max_wait);
    if (worker.reload_due) until = until.earlier(*worker.reload_due);
    const auto* wanted = desired_->slot(worker.slot.name);
    if (wanted == nullptr) return until;
    const auto order = id_of(*wanted);
    if (!is_settled(worker, order)) until = until.earlier(worker.not_before);
    if (waits_for_second_look(worker.slot, order)) until = until.earlier(worker.second_look);
    return until;
}

boost::asio::awaitable<void> Updater::work(Worker& worker) {
    while (!tasks_->stopping()) {
        auto hold = co_await worker.hands.take();
        if (tasks_->stopping()) break;
        const bool known = desired_->state() != nullptr;
        if (known && desired_->slot(worker.slot.name) == nullptr && !worker.removed)
            co_await remove(worker);
        // Looked up after each wait: a newer desired state may have replaced the old one.
        if (desired_->slot(worker.slot.name) != nullptr) worker.removed = false;
        if (auto order = due_order(worker)) {
            co_await carry_out(worker, std::move(*order));
            continue;
        }
        if (co_await keep_serving(worker)) continue;
        const auto until = next_look(worker);
        hold.reset();
        co_await tasks_->wait(worker.wake, until);
    }
}

bool Updater::is_settled(const Worker& worker, const OrderId& order) const {
    if (!is_refused(worker.slot, order)) return is_converged(worker.slot, order);
    return !waits_for_second_look(worker.slot, order) || !worker.second_look.passed();
}

/// Refused is soon said, so that whoever ordered it hears of it; but a hub or a disk that is mended
/// must not need a new order for each device.
void Updater::plan_second_look(Worker& worker, const OrderId& order) {
    if (!waits_for_second_look(worker.slot, order)) {
        worker.looked_for.reset();
        return;
    }
    if (std::exchange(worker.looked_for, order) != order) worker.looks = 0;
    constexpr unsigned max_doublings = 10;
    const auto doubled =
        services_.config.transfer.refetch_after * (1U << std::min(worker.looks, max_doublings));
    worker.looks += 1;
    const auto wait = std::min<std::chrono::milliseconds>(doubled, std::chrono::hours{24});
    const auto spread = static_cast<std::int64_t>(
        services_.random.below(static_cast<std::uint64_t>(wait.count()) / 4 + 1));
    worker.second_look = Deadline::after(wait + std::chrono::milliseconds{spread});
    log_info("refused order is tried again slot={} wait_ms={}", worker.slot.name,
             wait.count() + spread);
}

bool Updater::anyone_fetches() const {
    return std::any_of(workers_.begin(), workers_.end(),
                       [](const auto& entry) { return is_fetching(entry.second->slot); });
}

bool Updater::anyone_heals() const {
    return std::any_of(workers_.begin(), workers_.end(), [this](const auto& entry) {
        const auto wanted = wanted_by(*entry.second);
        return wanted && waits_for_second_look(entry.second->slot, *wanted);
    });
}

std::optional<std::set<Sha256Digest>> Updater::needed_blobs() const {
    std::set<Sha256Digest> needed;
    for (const auto& [name, worker] : workers_) {
        const auto& slot = worker->slot;
        const auto wanted = wanted_by(*worker);
        const bool fetching = is_fetching(slot) && slot.disk.journal.order == wanted;
        const bool heals = wanted && waits_for_second_look(slot, *wanted);
        if (fetching && !slot.order_blobs) return std::nullopt;
        if ((fetching || heals) && slot.order_blobs)
            needed.insert(slot.order_blobs->begin(), slot.order_blobs->end());
    }
    return needed;
}

boost::asio::awaitable<void> Updater::carry_out(Worker& worker, trust::DesiredSlot order) {
    const auto id = id_of(order);
    const auto wanted = wanted_by(worker);
    UpdateContext context{
        .services = services_,
        .slot = worker.slot,
        .order = std::move(order),
        .preempted = [this, &worker,
                      wanted] { return tasks_->stopping() || wanted_by(worker) != wanted; },
        .stopping = [this] { return tasks_->stopping(); },
        .wake = worker.wake};
    // What is not wanted any more is only ended.
    if (wanted != id) context.first = UpdateState::soak;
    co_await drive_update(context, turn_);
    if (wanted == id) plan_second_look(worker, id);
    services_.changed();
    if (worker.slot.disk.journal.state == UpdateState::idle) request_clean_up();
}

boost::asio::awaitable<void> Updater::remove(Worker& worker) {
    log_info("slot removed slot={}", worker.slot.name);
    worker.removed = true;
    services_.host.withdraw(worker.slot.name, "the slot was removed");
    if (worker.slot.running) co_await worker.slot.running->stop();
    worker.slot.running.reset();
    worker.slot.active.reset();
    worker.slot.previous.reset();
    const auto removed = services_.state.remove_slot(worker.slot.name);
    if (!removed)
        log_error("slot files remain slot={} error=\"{}\"", worker.slot.name,
                  removed.error().message);
    worker.slot.disk = SlotDisk{};
    services_.changed();
    request_clean_up();
}

void Updater::request_clean_up() {
    if (tasks_->stopping() || std::exchange(cleaning_, true)) return;
    tasks_->spawn(clean_up());
}

boost::asio::awaitable<void> Updater::clean_up() {
    const auto hold = co_await turn_.take();
    cleaning_ = false;
    if (tasks_->stopping()) co_return;
    // What another slot has fetched so far is named by nothing yet; its own end cleans up.
    if (anyone_fetches()) co_return;
    auto* releases = &services_.releases;
    const auto partials = services_.state.partials();
    std::function<Status()> blocking = [releases, partials, keep = needed_releases(),
                                        blobs = needed_blobs().value_or(std::set<Sha256Digest>{}),
                                        heals = anyone_heals()]() -> Status {
        // What came before a refusal that may heal need not come twice.
        TRY(clear_partials(partials, heals));
        return releases->collect(keep, blobs);
    };
    const auto collected = co_await services_.runtime.offload(std::move(blocking));
    if (!collected) log_warn("clean-up failed error=\"{}\"", collected.error().message);
}

std::vector<trust::ReportedSlot> Updater::report() const {
    std::vector<trust::ReportedSlot> out;
    for (const auto& [name, worker] : workers_) {
        if (worker->removed) continue;
        const auto* wanted = desired_->slot(name);
        out.push_back(
            report_slot(worker->slot, wanted ? wanted->deployment : "", services_.clock.steady()));
    }
    return out;
}

std::set<Sha256Digest> Updater::needed_releases() const {
    std::set<Sha256Digest> needed;
    for (const auto& [name, worker] : workers_) {
        const auto& disk = worker->slot.disk;
        for (const auto& digest : {disk.pointer.active, disk.pointer.previous}) {
            if (digest) needed.insert(*digest);
        }
        if (disk.journal.order) needed.insert(disk.journal.order->manifest);
    }
    return needed;
}

void Updater::give_back_counts() {
    for (const auto& [name, worker] : workers_) {
        auto& journal = worker->slot.disk.journal;
        const bool loading = std::exchange(worker->slot.loading, false);
        const auto entered = journal.entered.find(journal.state);
        const bool inside = entered != journal.entered.end() && entered->second > 0;
        if (!loading && !inside) continue;
        if (loading) journal.load_attempts -= 1;
        if (inside) entered->second -= 1;
        ignore(services_.state.save_journal(name, journal), "then it counts as one more crash");
    }
}

boost::asio::awaitable<void> Updater::stop_serving() {
    for (const auto& [name, worker] : workers_) {
        if (worker->slot.running) co_await worker->slot.running->stop();
        worker->slot.running.reset();
    }
}

}  // namespace strandline::agent
