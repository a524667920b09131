#pragma once

#include <boost/asio/awaitable.hpp>

#include "agent/update_context.h"

// One coroutine per state. Each may run again from its start after any interruption.
namespace strandline::agent {

/// Reads and judges the manifest, finds what is missing, checks requirements and disk space.
[[nodiscard]] boost::asio::awaitable<Step> plan(UpdateContext& context);
/// Downloads deltas and files.
[[nodiscard]] boost::asio::awaitable<Step> fetch(UpdateContext& context);
/// Applies deltas and builds the release's folder.
[[nodiscard]] boost::asio::awaitable<Step> assemble(UpdateContext& context);
/// Hashes every byte of the new release.
[[nodiscard]] boost::asio::awaitable<Step> verify(UpdateContext& context);
/// Tries the release in a child process.
[[nodiscard]] boost::asio::awaitable<Step> self_test(UpdateContext& context);
/// Loads it beside the old one, moves the pointer, publishes it.
[[nodiscard]] boost::asio::awaitable<Step> switch_over(UpdateContext& context);
/// Watches it work.
[[nodiscard]] boost::asio::awaitable<Step> soak(UpdateContext& context);
/// Notes the success and clears away what is not needed any more.
[[nodiscard]] boost::asio::awaitable<Step> report(UpdateContext& context);
/// Returns to the previous release.
[[nodiscard]] boost::asio::awaitable<Step> roll_back(UpdateContext& context);

/// Loads what the slot's pointer says and publishes it; a slot whose release cannot run here serves
/// nothing and says why. Used at start and by roll_back.
[[nodiscard]] boost::asio::awaitable<Status> serve_active(UpdateServices& services, Slot& slot);
/// Reads the manifests that the pointer names into the slot. Blocks on the disk for little.
void load_releases(const UpdateServices& services, Slot& slot);

}  // namespace strandline::agent
