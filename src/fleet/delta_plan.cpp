#include "fleet/delta_plan.h"

#include <set>

namespace strandline::fleet {
namespace {

bool is_counterpart(const registry::Release& target, const trust::ManifestFile& file,
                    const KnownFile& known) {
    if (file.path == known.path) return true;
    return known.is_entry && file.path == target.entry;
}

}  // namespace

std::vector<registry::DeltaPair> plan_deltas(const registry::Release& target,
                                             const std::vector<KnownFile>& known,
                                             std::size_t limit) {
    std::vector<registry::DeltaPair> pairs;
    std::set<registry::DeltaPair> seen;
    for (const auto& base : known) {
        for (const auto& file : target.files) {
            const registry::DeltaPair pair{base.sha256, file.sha256};
            if (pair.base == pair.target || !is_counterpart(target, file, base)) continue;
            if (!seen.insert(pair).second) continue;
            pairs.push_back(pair);
            if (pairs.size() == limit) return pairs;
        }
    }
    return pairs;
}

}  // namespace strandline::fleet
