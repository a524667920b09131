#pragma once

#include <filesystem>
#include <optional>

#include "base/deadline.h"
#include "base/file.h"

namespace strandline::hub {

/// Says between processes whether blobs and keys may go: backups hold it together, whoever removes
/// blobs or replaces keys holds it alone. Ends with the object or the process.
class BlobHold {
public:
    /// `timeout` when somebody holds it alone until the deadline.
    [[nodiscard]] static Result<BlobHold> together(const std::filesystem::path& state,
                                                   Deadline deadline);
    /// Empty while others hold it.
    [[nodiscard]] static Result<std::optional<BlobHold>> alone(const std::filesystem::path& state);

private:
    explicit BlobHold(UniqueFd fd) : fd_(std::move(fd)) {}
    UniqueFd fd_;
};

}  // namespace strandline::hub
