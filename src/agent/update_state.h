#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace strandline::agent {

/// Where the update of one slot stands. The text form is what reports and journals hold.
enum class UpdateState {
    idle,
    plan,
    fetch,
    assemble,
    verify,
    self_test,
    switch_over,
    soak,
    report,
    roll_back
};

inline constexpr std::size_t update_state_count = 10;

[[nodiscard]] std::string_view to_string(UpdateState state);
[[nodiscard]] std::optional<UpdateState> update_state_from_string(std::string_view text);

/// How often a state may be entered without ever being left (a crash, a power cut) before the
/// release is refused as `crash_loop`. States that only wait for the network may be cut often and
/// keep what they have; the others touch the new model.
[[nodiscard]] unsigned crash_limit(UpdateState state);

}  // namespace strandline::agent
