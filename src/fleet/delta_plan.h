#pragma once

#include <string>
#include <vector>

#include "registry/delta_job.h"
#include "registry/release.h"

namespace strandline::fleet {

/// A file that some device proved to hold in a slot.
struct KnownFile {
    std::string path;
    Sha256Digest sha256;
    bool is_entry = false;  ///< of the release it came with
};

/// The deltas worth having so that devices with `known` files get to `target`: for each target file
/// from every known file of the same path or, for the entry, of the same role. Only where the bytes
/// differ; distinct; at most `limit`, in the order of `known`. Pure.
[[nodiscard]] std::vector<registry::DeltaPair> plan_deltas(const registry::Release& target,
                                                           const std::vector<KnownFile>& known,
                                                           std::size_t limit);

}  // namespace strandline::fleet
