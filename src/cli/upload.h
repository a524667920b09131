#pragma once

#include <cstdint>
#include <functional>

#include "base/result.h"
#include "cli/bundle.h"
#include "cli/hub_client.h"

namespace strandline::cli {

struct UploadOptions {
    /// Where unfinished uploads are remembered, so that another run resumes them.
    std::filesystem::path journal;
    /// Called with the bytes the hub has of the current file.
    std::function<void(std::uint64_t)> progress;
    /// Interrupted transfers are resumed this often in a row before giving up.
    unsigned max_attempts = 8;
};

struct Uploaded {
    std::uint64_t bytes_sent = 0;
    std::uint64_t resumed_at = 0;  ///< bytes that an earlier run had sent
};

/// Sends one file as a resumable upload (tus 1.0.0), unless the hub has it. An interrupted transfer
/// continues at the hub's offset, in this run and in later ones; one whose answer was lost is
/// found.
[[nodiscard]] Result<Uploaded> upload_file(HubClient& hub, const BundleFile& file,
                                           const UploadOptions& options);

}  // namespace strandline::cli
