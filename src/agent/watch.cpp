#include "agent/watch.h"

#include <algorithm>
#include <utility>

#include "agent/states/states.h"
#include "base/log.h"

namespace strandline::agent {
namespace {

constexpr std::chrono::hours restart_window{1};

bool is_quiet(const Slot& slot) { return slot.disk.journal.state == UpdateState::idle; }

void note(const UpdateServices& services, Slot& slot, std::string reason, std::string message) {
    log_error("release in trouble slot={} reason={} message=\"{}\"", slot.name, reason, message);
    slot.problem = trust::ReportedError{"watch", std::move(reason), std::move(message)};
    services.changed();
}

/// Counts `times` more; false when that is more than is allowed within the window.
bool may_restart(const UpdateServices& services, const Slot& slot, RestartCount& count,
                 std::uint64_t times) {
    if (count.release != slot.disk.pointer.active) {
        count.release = slot.disk.pointer.active;
        count.recent.clear();
    }
    const auto now = services.clock.steady();
    count.recent.insert(count.recent.end(), times, now);
    while (!count.recent.empty() && now - count.recent.front() > restart_window)
        count.recent.pop_front();
    return count.recent.size() <= services.config.watch.max_restarts;
}

/// Hands the slot to the state machine's roll-back. What is not ordered (a newer order waits or was
/// refused) is only given up for a previous release: nothing else would replace it.
bool give_up(UpdateServices& services, Slot& slot, const OrderId* wanted) {
    const auto& [pointer, journal] = slot.disk;
    if (!slot.problem || !journal.completed || journal.completed->manifest != pointer.active)
        return false;
    const bool is_wanted = wanted != nullptr && *wanted == *journal.completed;
    if (!is_wanted && !pointer.previous) return false;
    auto next = journal;
    next.order = journal.completed;
    next.failure = slot.problem;
    // Only that of an order that is still wanted says anything.
    if (next.refusal && (wanted == nullptr || next.refusal->order != *wanted)) next.refusal.reset();
    next.state = UpdateState::roll_back;
    const auto saved = services.state.save_journal(slot.name, next);
    if (!saved) {
        log_error("release not given up slot={} error=\"{}\"", slot.name, saved.error().message);
        return false;
    }
    slot.disk.journal = std::move(next);
    return true;
}

/// What is wrong with the answers, if they could be had.
boost::asio::awaitable<std::optional<std::string>> wrong_answer(Slot& slot) {
    if (!slot.running) co_return std::nullopt;
    auto asked = co_await slot.running->probe();
    if (asked) co_return std::move(*asked);
    log_warn("model not probed slot={} error=\"{}\"", slot.name, asked.error().message);
    co_return std::nullopt;
}

boost::asio::awaitable<bool> heal(UpdateServices& services, Slot& slot, RestartCount& count,
                                  const OrderId* wanted) {
    auto wrong = co_await wrong_answer(slot);
    if (!wrong || !is_quiet(slot)) co_return false;
    note(services, slot, "wrong_answer", "it answers wrongly after its soak: " + *wrong);
    if (may_restart(services, slot, count, 1)) {
        const auto served = co_await serve_active(services, slot);
        if (served) wrong = co_await wrong_answer(slot);
        if (served && !wrong) {
            note(services, slot, "wrong_answer",
                 "it answered wrongly after its soak; loaded anew it is right again");
            co_return false;
        }
    }
    co_return is_quiet(slot) && give_up(services, slot, wanted);
}

struct Damage {
    std::optional<Error> active;
    std::optional<Error> previous;
};

std::optional<Error> look_at(ReleaseStore& releases, const std::optional<Sha256Digest>& digest) {
    if (!digest) return std::nullopt;
    const auto release = releases.load(*digest);
    const auto status = release ? releases.verify(*release) : Status(release.error());
    // A disk that cannot be read just now proves nothing.
    const bool proved =
        !status && (status.error().code == Errc::corrupt || status.error().code == Errc::not_found);
    return proved ? std::optional(status.error()) : std::nullopt;
}

boost::asio::awaitable<Damage> find_damage(UpdateServices& services, SlotPointer pointer) {
    auto* releases = &services.releases;
    std::function<Result<Damage>()> work = [releases, pointer]() -> Result<Damage> {
        return Damage{look_at(*releases, pointer.active), look_at(*releases, pointer.previous)};
    };
    auto found = co_await services.runtime.offload(std::move(work));
    co_return found ? std::move(*found) : Damage{};
}

boost::asio::awaitable<void> drop_previous(UpdateServices& services, Slot& slot,
                                           std::string damage) {
    auto pointer = slot.disk.pointer;
    const auto digest = *std::exchange(pointer.previous, std::nullopt);
    const auto saved = services.state.save_pointer(slot.name, pointer);
    if (!saved) {
        log_error("damaged release not dropped slot={} error=\"{}\"", slot.name,
                  saved.error().message);
        co_return;
    }
    slot.disk.pointer = pointer;
    slot.previous.reset();
    note(services, slot, "corrupt",
         "the previous release was damaged on disk and is dropped: " + damage);
    auto* releases = &services.releases;
    std::function<Status()> work = [releases, digest] { return releases->move_aside(digest); };
    ignore(co_await services.runtime.offload(std::move(work)), "the next clean-up removes it");
}

bool order_anew(UpdateServices& services, Slot& slot, const std::string& damage) {
    note(services, slot, "corrupt",
         "the active release was damaged on disk; it serves from memory and is fetched again: " +
             damage);
    auto next = slot.disk.journal;
    next.completed.reset();
    const auto saved = services.state.save_journal(slot.name, next);
    if (!saved) log_warn("journal not saved error=\"{}\"", saved.error().message);
    slot.disk.journal = std::move(next);
    return true;
}

}  // namespace

bool count_restarts(UpdateServices& services, Slot& slot, RestartCount& count,
                    const OrderId* wanted) {
    if (!slot.running) return false;
    const auto restarts = slot.running->statistics().restarts;
    if (std::exchange(count.start, slot.starts) != slot.starts) count.of_process = 0;
    const auto seen = std::exchange(count.of_process, restarts);
    const auto ended = restarts - std::min(restarts, seen);
    const bool few = may_restart(services, slot, count, ended);
    const bool was_told = slot.problem && slot.problem->stage == "watch" &&
                          slot.problem->reason == "crashed" && is_quiet(slot);
    if (was_told && count.recent.empty()) {
        slot.problem.reset();
        services.changed();
    }
    // An update under way judges the release itself, or replaces it.
    if (ended == 0 || few || !is_quiet(slot)) return false;
    note(services, slot, "crashed",
         "its program ended " + std::to_string(count.recent.size()) + " times within an hour");
    // What crashes now and then is better than nothing.
    return slot.disk.pointer.previous && give_up(services, slot, wanted);
}

boost::asio::awaitable<bool> probe_release(UpdateServices& services, Turn& hands, Slot& slot,
                                           RestartCount& count, const OrderId* wanted) {
    if (!is_quiet(slot) || !slot.running) co_return false;
    const auto wrong = co_await wrong_answer(slot);
    if (!wrong) co_return false;
    // Asked again with nobody beside us: an update may have changed the model meanwhile.
    const auto hold = co_await hands.take();
    if (!is_quiet(slot)) co_return false;
    co_return co_await heal(services, slot, count, wanted);
}

boost::asio::awaitable<bool> verify_releases(UpdateServices& services, Turn& turn, Slot& slot) {
    if (!is_quiet(slot)) co_return false;
    const auto pointer = slot.disk.pointer;
    const auto damage = co_await find_damage(services, pointer);
    if (!damage.active && !damage.previous) co_return false;
    const auto hold = co_await turn.take();
    if (!is_quiet(slot) || slot.disk.pointer != pointer) co_return false;
    if (damage.previous) co_await drop_previous(services, slot, damage.previous->message);
    co_return damage.active&& is_quiet(slot) && order_anew(services, slot, damage.active->message);
}

}  // namespace strandline::agent
