#pragma once

#include <boost/asio/awaitable.hpp>

#include "agent/tasks.h"
#include "agent/update_context.h"

namespace strandline::agent {

/// Carries one order out, or finds out why it cannot be: runs the states one after the other. The
/// state is on disk before it acts, together with how often it was entered and never left, so a
/// release that takes the agent down is refused after some tries. Waits out what is not the
/// release's fault for as long as it takes. Ends when the slot is idle again or another order
/// waits.
[[nodiscard]] boost::asio::awaitable<void> drive_update(UpdateContext& context, Turn& turn);

}  // namespace strandline::agent
