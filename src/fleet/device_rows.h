#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/sha256.h"
#include "fleet/device.h"
#include "registry/statement.h"
#include "store/sql/database.h"
#include "trust/authority.h"
#include "trust/token.h"

// Rows of devices inside a caller's transaction. Internal to fleet's stores and services.
namespace strandline::fleet {

/// The start of a statement for fetch_devices(); conditions and order follow, on `d`.
[[nodiscard]] registry::Statement select_devices();
/// Runs it and adds labels, clusters, slots and certificates with one query each.
[[nodiscard]] Result<std::vector<Device>> fetch_devices(store::Transaction& transaction,
                                                        const registry::Statement& statement);

struct NewDevice {
    std::string id;
    std::string arch;
    std::map<std::string, std::string> labels;
    std::string join_token;  ///< id of the token it joins with
    std::string join_key;    ///< digest of its public key; may be empty
};
/// `conflict` when the id is taken.
[[nodiscard]] Status insert_device(store::Transaction& transaction, const NewDevice& device,
                                   WallTime now);
/// The device, not revoked, that joined with this token and key; nothing when there is none, or the
/// token is wrong or expired.
[[nodiscard]] Result<std::optional<std::string>> find_joined(store::Transaction& transaction,
                                                             const trust::Token& token,
                                                             const Sha256Digest& key, WallTime now);
[[nodiscard]] Status insert_certificate(store::Transaction& transaction, std::string_view device,
                                        const trust::IssuedCertificate& certificate, WallTime now);
[[nodiscard]] Status rename_device(store::Transaction& transaction, std::string_view device,
                                   const std::string& name);
[[nodiscard]] Status replace_labels(store::Transaction& transaction, std::string_view device,
                                    const std::map<std::string, std::string>& labels);
/// Certificates on the revocation list, retained messages marked to be cleared.
[[nodiscard]] Status retire_device(store::Transaction& transaction, std::string_view device,
                                   WallTime now);
[[nodiscard]] Status delete_device(store::Transaction& transaction, std::string_view device);

}  // namespace strandline::fleet
