#include "hub/state/key_rotation.h"

#include "hub/hub_parts.h"
#include "hub/state/blob_hold.h"
#include "trust/envelope.h"

namespace strandline::hub {
namespace {

constexpr std::size_t batch = 200;

Status sign_manifest(Storage& storage, const Sha256Digest& digest) {
    auto& releases = storage.domain->releases;
    TRY(const auto text, releases.manifest_envelope(digest));
    TRY(auto old, trust::envelope_from_json(text));
    TRY(const auto fresh,
        trust::sign_envelope(trust::manifest_type, std::move(old.payload), storage.keys.manifest));
    return releases.replace_envelope(digest, trust::to_json(fresh));
}

Result<std::size_t> sign_manifests(Storage& storage) {
    registry::PageRequest request;
    request.limit = batch;
    std::size_t count = 0;
    while (true) {
        TRY(const auto page, storage.domain->releases.manifests(request));
        for (const auto& digest : page.items) TRY(sign_manifest(storage, digest));
        count += page.items.size();
        if (!page.next) return count;
        request.cursor = *page.next;
    }
}

Result<std::size_t> sign_desired_states(Storage& storage) {
    std::string after;
    std::size_t count = 0;
    while (true) {
        TRY(const auto devices, storage.domain->fleet.sign_again(after, batch));
        if (devices.empty()) return count;
        count += devices.size();
        after = devices.back();
    }
}

}  // namespace

Result<RotationSummary> rotate_hub_keys(const HubConfig& config, const Clock& clock) {
    TRY(require_hub(config.state));
    TRY(const auto storage, open_storage(config, clock));
    return rotate_hub_keys(*storage, 1);
}

Result<RotationSummary> rotate_hub_keys(Storage& storage, std::int64_t min_version) {
    TRY(const auto alone, BlobHold::alone(storage.state.root()));
    if (!alone) return fail(Errc::conflict, "a backup is running; rotate the keys after it");
    TRY(storage.keys, rotate_keys(storage.state.keys(), true, min_version));
    RotationSummary summary;
    summary.keyset_version = storage.keys.keyset.version;
    TRY(summary.manifests, sign_manifests(storage));
    TRY(summary.desired_states, sign_desired_states(storage));
    return summary;
}

}  // namespace strandline::hub
