#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "base/file.h"
#include "registry/upload_store.h"
#include "store/blob/blob_store.h"

namespace strandline::hub {

/// The bytes of resumable uploads: a file per upload in one folder, on the blob store's file
/// system. Rows and files are written in an order that a crash cannot turn into wrong bytes: data
/// is synced before the offset that vouches for it. Thread-safe; blocks.
class UploadFiles {
public:
    /// A hub that is killed loses at most `step_bytes` of a request that is still writing.
    UploadFiles(std::filesystem::path folder, registry::UploadStore& rows, store::BlobStore& blobs,
                std::chrono::seconds lifetime, std::uint64_t step_bytes = std::uint64_t{64} << 20);

    [[nodiscard]] Result<registry::Upload> create(const registry::UploadRequest& request);
    /// `not_found` when it is unknown, or belongs to somebody else.
    [[nodiscard]] Result<registry::Upload> get(std::string_view id, std::string_view owner);
    [[nodiscard]] Status remove(std::string_view id, std::string_view owner);
    /// Removes what has expired and nobody is writing. Number removed.
    [[nodiscard]] Result<std::size_t> remove_expired();

    /// One PATCH under way; only one at a time per upload.
    class Append {
    public:
        Append(UploadFiles& files, registry::Upload upload, UniqueFd file);
        ~Append();
        Append(const Append&) = delete;
        Append& operator=(const Append&) = delete;

        /// `invalid` past the declared length. Moves the offset at every step.
        [[nodiscard]] Status write(ByteSpan bytes);
        struct Progress {
            std::uint64_t offset = 0;
            std::optional<store::BlobInfo> blob = {};  ///< when the upload is complete
        };
        /// Makes what was written durable and moves the offset. When the upload is complete it
        /// becomes a blob; a wrong hash is `corrupt`, and the upload is gone. After any other
        /// failure it stays, and an append of nothing at its end tries again.
        [[nodiscard]] Result<Progress> finish();

    private:
        /// Syncs, then vouches for what was written.
        [[nodiscard]] Status advance();

        UploadFiles* files_;
        registry::Upload upload_;  ///< its offset as the row has it
        UniqueFd file_;
        std::uint64_t written_ = 0;  ///< past that offset
    };
    /// `conflict` when `offset` is not where the upload stands, or another request is writing.
    [[nodiscard]] Result<std::shared_ptr<Append>> append(std::string_view id,
                                                         std::string_view owner,
                                                         std::uint64_t offset);

private:
    [[nodiscard]] std::filesystem::path path_of(std::string_view id) const;
    /// Opens the file at the row's offset for the only writer.
    [[nodiscard]] Result<std::shared_ptr<Append>> open(std::string_view id, std::string_view owner,
                                                       std::uint64_t offset);
    [[nodiscard]] bool claim(std::string_view id);
    void release(const std::string& id);

    std::filesystem::path folder_;
    registry::UploadStore* rows_;
    store::BlobStore* blobs_;
    std::chrono::seconds lifetime_;
    std::uint64_t step_bytes_;
    std::mutex mutex_;
    std::set<std::string, std::less<>> busy_;
};

}  // namespace strandline::hub
