#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/sha256.h"
#include "registry/page.h"
#include "store/sql/database.h"

namespace strandline::fleet {

/// The signed desired state of one device.
struct DesiredRecord {
    std::string device;
    std::int64_t generation = 0;
    Sha256Digest digest;   ///< of the payload
    std::string envelope;  ///< JSON
};

/// Desired states as they are published, and who may fetch what. Thread-safe; every call blocks.
class DesiredStore {
public:
    explicit DesiredStore(store::Database& database) : database_(&database) {}

    /// `not_found` before the first one.
    [[nodiscard]] Result<DesiredRecord> get(std::string_view device) const;
    /// Those of all devices that have one and are not revoked, by id: to publish all again.
    [[nodiscard]] Result<registry::Page<DesiredRecord>> list(
        const registry::PageRequest& page) const;
    /// Those whose newest generation was not confirmed by mark_published() yet; at most `limit`.
    [[nodiscard]] Result<std::vector<DesiredRecord>> unpublished(std::size_t limit) const;
    /// In one transaction; a generation made meanwhile stays unpublished.
    [[nodiscard]] Status mark_published(std::span<const DesiredRecord> records);
    /// Deleted or revoked devices whose retained messages are still to be cleared.
    [[nodiscard]] Result<std::vector<std::string>> to_clear(std::size_t limit) const;
    /// In one transaction.
    [[nodiscard]] Status mark_cleared(std::span<const std::string> devices);

    /// Whether the bytes belong to a release in the device's desired state.
    [[nodiscard]] Result<bool> may_read_blob(std::string_view device,
                                             const Sha256Digest& blob) const;
    /// Whether the manifest is one of the device's desired state.
    [[nodiscard]] Result<bool> may_read_manifest(std::string_view device,
                                                 const Sha256Digest& manifest) const;

private:
    store::Database* database_;
};

}  // namespace strandline::fleet
