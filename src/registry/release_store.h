#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "registry/page.h"
#include "registry/release.h"
#include "store/sql/database.h"

namespace strandline::registry {

/// Which releases a list shows; empty fields do not filter.
struct ReleaseFilter {
    std::string package;
    std::string version;
    std::string variant;
};

/// Releases and their files. Releases are immutable: there is insert and remove, never update.
/// Thread-safe; every call blocks on the database.
class ReleaseStore {
public:
    explicit ReleaseStore(store::Database& database) : database_(&database) {}

    /// By id ("r-...") or `PACKAGE@VERSION:VARIANT`; `not_found` names it.
    [[nodiscard]] Result<Release> get(std::string_view id_or_triple) const;
    [[nodiscard]] Result<std::optional<Release>> find(const Triple& triple) const;
    [[nodiscard]] Result<std::optional<Release>> find_by_manifest(
        const Sha256Digest& manifest) const;
    /// Newest first.
    [[nodiscard]] Result<Page<Release>> list(const ReleaseFilter& filter,
                                             const PageRequest& page) const;
    [[nodiscard]] Result<std::int64_t> count() const;
    /// The signed manifest (envelope JSON) with this payload digest; `not_found` names it.
    [[nodiscard]] Result<std::string> manifest_envelope(const Sha256Digest& manifest) const;
    /// Digests of all manifests, oldest first: for signing them again after a key rotation.
    [[nodiscard]] Result<Page<Sha256Digest>> manifests(const PageRequest& page) const;
    /// Replaces the signatures of a manifest; the payload must be the same (else `conflict`).
    [[nodiscard]] Status replace_envelope(const Sha256Digest& manifest,
                                          std::string_view envelope_json);

    // The same inside a transaction of the caller.
    [[nodiscard]] static Result<Release> get(store::Transaction& transaction,
                                             std::string_view id_or_triple);
    [[nodiscard]] static Result<std::optional<Release>> find(store::Transaction& transaction,
                                                             const Triple& triple);
    [[nodiscard]] static Result<std::optional<Release>> find_by_manifest(
        store::Transaction& transaction, const Sha256Digest& manifest);
    /// `conflict` when the triple exists.
    [[nodiscard]] static Status insert(store::Transaction& transaction, const Release& release,
                                       std::string_view envelope_json);
    /// Refuses with `conflict` while a channel points to it. Whether devices or deployments use it
    /// is known to fleet: remove through fleet::FleetService::remove_release().
    [[nodiscard]] static Status remove(store::Transaction& transaction, const Release& release);

private:
    store::Database* database_;
};

}  // namespace strandline::registry
