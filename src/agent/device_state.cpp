#include "agent/device_state.h"

#include <algorithm>

#include "base/log.h"
#include "base/program_date.h"

namespace strandline::agent {
namespace {

// How far a signed time may be ahead of a clock that is not known to be behind.
constexpr std::chrono::hours max_ahead{24};
// Longer than that: a clock that is behind by no more has caught up by then.
constexpr std::chrono::hours keep_interval{25};

// The hub drops what comes of an earlier boot than it has seen. A record that was lost, could not
// be written or came back from an image must not make this start one of those.
std::int64_t boot_after(std::int64_t last, WallTime now) {
    return std::max(last + 1, to_unix_ms(std::max(now, program_date)));
}

}  // namespace

Result<DeviceState> DeviceState::open(const StateFolder& folder, const Clock& clock) {
    DeviceState state(folder, clock);
    auto loaded = folder.load_device();
    if (!loaded && loaded.error().code != Errc::corrupt) return loaded.error();
    // A damaged record costs the memory of the last generation; the hub sends a higher one. The
    // clock stands in for the boot.
    if (!loaded) log_error("device record damaged error=\"{}\"", loaded.error().message);
    if (loaded) state.record_ = *loaded;
    state.record_.boot = boot_after(state.record_.boot, clock.wall());
    state.record_.time_floor = std::max({state.record_.time_floor, program_date});
    const auto saved = folder.save_device(state.record_);
    if (!saved) log_error("state folder cannot be written error=\"{}\"", saved.error().message);
    return state;
}

Status DeviceState::check_generation(std::int64_t generation, const Sha256Digest& payload) const {
    if (generation < record_.generation) {
        return fail(Errc::conflict, "desired state of generation " + std::to_string(generation) +
                                        " is older than " + std::to_string(record_.generation));
    }
    if (generation == record_.generation && record_.desired && *record_.desired != payload) {
        return fail(Errc::conflict, "desired state of generation " + std::to_string(generation) +
                                        " differs from the one seen before");
    }
    return {};
}

Status DeviceState::accept_generation(std::int64_t generation, const Sha256Digest& payload) {
    TRY(check_generation(generation, payload));
    auto next = record_;
    next.generation = generation;
    next.desired = payload;
    TRY(folder_.save_device(next));
    record_ = next;
    return {};
}

WallTime DeviceState::running_floor() const {
    const auto since = clock_->steady() - floor_set_;
    return record_.time_floor + std::chrono::floor<std::chrono::milliseconds>(since);
}

WallTime DeviceState::now() const { return clock_is_behind() ? running_floor() : clock_->wall(); }

bool DeviceState::clock_is_behind() const { return clock_->wall() < record_.time_floor; }

Status DeviceState::raise_floor(WallTime seen) {
    // Else a hub whose clock was ahead for a while would lock its devices out for as long.
    if (!clock_is_behind()) seen = std::min<WallTime>(seen, clock_->wall() + max_ahead);
    if (seen <= (clock_is_behind() ? running_floor() : record_.time_floor)) return {};
    return set_floor(seen);
}

Status DeviceState::keep_floor() {
    if (!clock_is_behind() || clock_->steady() - floor_set_ < keep_interval) return {};
    return set_floor(running_floor());
}

Status DeviceState::set_floor(WallTime to) {
    auto next = record_;
    next.time_floor = to;
    TRY(folder_.save_device(next));
    record_ = next;
    floor_set_ = clock_->steady();
    return {};
}

}  // namespace strandline::agent
