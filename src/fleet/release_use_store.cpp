#include <array>

#include "fleet/release_use.h"

namespace strandline::fleet {
namespace {

struct Use {
    std::string_view sql;
    std::string_view text;  ///< continued by what the query found
};

constexpr std::array uses{
    Use{"SELECT device_id FROM device_slots WHERE release_id = :1 ORDER BY device_id LIMIT 1",
        "it is the desired state of device "},
    Use{"SELECT f.device_id FROM releases r JOIN device_files f ON f.manifest = r.manifest "
        "JOIN devices d ON d.id = f.device_id WHERE r.id = :1 AND f.role = 'active' "
        "AND d.revoked_ms IS NULL ORDER BY f.device_id LIMIT 1",
        "it runs on device "},
    Use{"SELECT s.device_id FROM deployments b "
        "JOIN deployment_devices r ON r.before_deployment = b.id "
        "JOIN device_slots s ON s.deployment_id = r.deployment_id AND s.device_id = r.device_id "
        "WHERE b.release_id = :1 ORDER BY s.device_id LIMIT 1",
        "a rollback would return to it on device "},
    Use{"SELECT p.id FROM deployments p WHERE p.release_id = :1 AND p.standing = 1 AND NOT EXISTS "
        "(SELECT 1 FROM deployments n WHERE n.slot = p.slot AND n.selector = p.selector "
        "AND n.standing = 1 AND n.sequence > p.sequence) ORDER BY p.sequence LIMIT 1",
        "new devices would receive it by deployment "},
};

}  // namespace

Result<std::optional<std::string>> release_user(store::Transaction& transaction,
                                                std::string_view release) {
    for (const auto& use : uses) {
        TRY(const auto row, transaction.query_one(use.sql, {std::string(release)}));
        if (row) return std::optional<std::string>(std::string(use.text) + row->text(0));
    }
    return std::optional<std::string>{};
}

}  // namespace strandline::fleet
