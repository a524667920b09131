#pragma once

#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "base/result.h"
#include "base/sha256.h"

namespace strandline::hub {

/// Files that somebody keeps in memory, such as a server its certificates. They count as loaded
/// only once loading them has succeeded: until then each refresh() tries again. Thread-safe.
class LoadedFiles {
public:
    using Load = std::function<Status()>;

    /// `load` makes the holder read its files. It has them as they are now. A missing one counts
    /// as empty.
    LoadedFiles(std::vector<std::filesystem::path> files, Load load);

    /// Loads them when they differ from what was loaded last. Blocks.
    [[nodiscard]] Status refresh();
    /// What was loaded did not hold: the next refresh() loads again.
    void forget();

private:
    [[nodiscard]] Sha256Digest fingerprint() const;

    const std::vector<std::filesystem::path> files_;
    const Load load_;
    std::mutex mutex_;  // of loaded_; not held while loading, which may take long
    std::optional<Sha256Digest> loaded_;
};

}  // namespace strandline::hub
