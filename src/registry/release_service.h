#pragma once

#include "base/clock.h"
#include "registry/hooks.h"
#include "registry/release.h"
#include "store/blob/blob_store.h"
#include "store/sql/database.h"

namespace strandline::registry {

struct CreatedRelease {
    Release release;
    bool created = true;         ///< false: the same content was there already
    bool channel_moved = false;  ///< the request's channel points here now, and did not before
};

/// Makes releases: checks the request and its blobs, builds and signs the manifest, stores all of
/// it in one transaction. Thread-safe; blocks on disk and database.
class ReleaseService {
public:
    ReleaseService(store::Database& database, store::BlobStore& blobs, const Clock& clock,
                   Signer sign, EventSink events)
        : database_(&database),
          blobs_(&blobs),
          clock_(&clock),
          sign_(std::move(sign)),
          events_(std::move(events)) {}

    /// The same triple with the same content gives the stored release again; with other content it
    /// is `conflict`. A missing package is created. `invalid` names the field; a file whose blob is
    /// not stored is `not_found`.
    [[nodiscard]] Result<CreatedRelease> create(const ReleaseRequest& request);

private:
    [[nodiscard]] Result<CreatedRelease> store_release(store::Transaction& transaction,
                                                       const ReleaseRequest& request,
                                                       Release release,
                                                       const std::string& envelope_json);

    store::Database* database_;
    store::BlobStore* blobs_;
    const Clock* clock_;
    Signer sign_;
    EventSink events_;
};

/// The manifest a request stands for, given the sizes of its files in order. Checks names, paths,
/// entry and golden file. Pure.
[[nodiscard]] Result<trust::Manifest> manifest_of(const ReleaseRequest& request,
                                                  std::span<const std::uint64_t> sizes);

}  // namespace strandline::registry
