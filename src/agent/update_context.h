#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/agent_config.h"
#include "agent/disk/release_store.h"
#include "agent/disk/state_folder.h"
#include "agent/hub/hub_client.h"
#include "agent/hub/key_keeper.h"
#include "agent/run/release_host.h"
#include "agent/slot.h"
#include "agent/transfer/download.h"
#include "base/backoff.h"
#include "net/runtime.h"
#include "trust/desired_state.h"

namespace strandline::agent {

/// What every update works with; all borrowed, all longer-lived than any update.
struct UpdateServices {
    net::Runtime& runtime;
    const StateFolder& state;
    ReleaseStore& releases;
    HubClient& hub;
    KeyKeeper& keys;
    ReleaseHost& host;
    DownloadLine& line;
    const AgentConfig& config;
    std::filesystem::path self_test_program;
    const Clock& clock;
    Random& random;
    /// Releases that other slots need; never to be collected.
    std::function<std::set<Sha256Digest>()> needed_releases = {};
    /// Blobs of updates that are not installed yet; none when that is not known of all of them.
    std::function<std::optional<std::set<Sha256Digest>>()> needed_blobs = {};
    /// Tells the reporter that something changed.
    std::function<void()> changed = {};
};

/// A file that is still to come.
struct MissingFile {
    trust::ManifestFile file;
    std::optional<Sha256Digest> base;  ///< a blob of ours that a delta may start from
    bool delta_ready = false;          ///< the delta was fetched and waits to be applied
    bool here = false;                 ///< the whole file is in the blob store
    std::uint64_t kept = 0;            ///< most bytes of it that a download has left here
    bool asked = false;                ///< a download was tried
    bool continued = false;            ///< what an earlier one left was there before that
};

/// One update of one slot. What is not in the journal is lost in a crash and found again by `plan`.
struct UpdateContext {
    UpdateServices& services;
    Slot& slot;
    trust::DesiredSlot order;
    /// True once another order wants this slot, or the agent is stopping: end at the next safe
    /// point.
    std::function<bool()> preempted;
    /// True once the agent is stopping.
    std::function<bool()> stopping;
    /// Wakes waits when one of these may have become true.
    net::Signal& wake;

    trust::Envelope envelope = {};
    trust::Manifest manifest = {};
    std::vector<MissingFile> missing = {};
    std::uint64_t expected_bytes = 0;  ///< of this update, for the progress
    std::uint64_t progress_bytes = 0;
    std::optional<Release> installed = {};
    std::unique_ptr<RunningRelease> candidate = {};
    bool verify_failed = false;               ///< once already
    unsigned bad_answers = 0;                 ///< of the hub for the file that is being fetched
    bool advanced = false;                    ///< a download got further than any before it
    std::optional<Deadline> delta_wait = {};  ///< how long the delta being built is waited for
    bool changed_active = true;             ///< false for a repeated order of what is active anyway
    UpdateState first = UpdateState::plan;  ///< of an order that the journal does not hold

    [[nodiscard]] UpdateJournal& journal() { return slot.disk.journal; }
    [[nodiscard]] OrderId order_id() const { return OrderId{order.manifest, order.deployment}; }
};

/// What a state decided.
struct Step {
    enum class Kind {
        go,         ///< on to `next`
        retry,      ///< the same state again after a wait: nothing is wrong with the release
        refuse,     ///< the release is not for this device: `reason` in one word
        preempted,  ///< a newer order waits
    };
    Kind kind = Kind::go;
    UpdateState next = UpdateState::idle;
    std::string reason;
    std::string message;
    std::optional<std::chrono::milliseconds> retry_after;

    [[nodiscard]] static Step go(UpdateState next);
    [[nodiscard]] static Step retry(const Error& error);
    [[nodiscard]] static Step refuse(std::string reason, std::string message);
    [[nodiscard]] static Step interrupted();
    /// An error of our own disk: a full one refuses the release, anything else is tried again.
    [[nodiscard]] static Step disk(const Error& error);
};

/// Waits, unless `interrupted` becomes true meanwhile: false then.
[[nodiscard]] boost::asio::awaitable<bool> pause(UpdateContext& context,
                                                 std::chrono::milliseconds span,
                                                 const std::function<bool()>& interrupted);
/// The same, interrupted when preempted.
[[nodiscard]] boost::asio::awaitable<bool> pause(UpdateContext& context,
                                                 std::chrono::milliseconds span);

}  // namespace strandline::agent
