#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "fleet/device.h"
#include "registry/statement.h"
#include "store/sql/database.h"
#include "trust/authority.h"

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
};
/// `conflict` when the id is taken.
[[nodiscard]] Status insert_device(store::Transaction& transaction, const NewDevice& device,
                                   WallTime now);
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
