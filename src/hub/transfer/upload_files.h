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
    UploadFiles(std::filesystem::path folder, registry::UploadStore& rows, store::BlobStore& blobs,
                std::chrono::seconds lifetime);

    [[nodiscard]] Result<registry::Upload> create(const registry::UploadRequest& request);
    /// `not_found` when it is unknown, or belongs to somebody else.
    [[nodiscard]] Result<registry::Upload> get(std::string_view id, std::string_view owner);
    [[nodiscard]] Status remove(std::string_view id, std::string_view owner);
    /// Removes what has expired. Number removed.
    [[nodiscard]] Result<std::size_t> remove_expired();

    /// One PATCH under way; only one at a time per upload.
    class Append {
    public:
        Append(UploadFiles& files, registry::Upload upload, UniqueFd file);
        ~Append();
        Append(const Append&) = delete;
        Append& operator=(const Append&) = delete;

        /// `invalid` past the declared length.
        [[nodiscard]] Status write(ByteSpan bytes);
        struct Progress {
            std::uint64_t offset = 0;
            std::optional<store::BlobInfo> blob = {};  ///< when the upload is complete
        };
        /// Makes what was written durable and moves the offset. When the upload is complete it
        /// becomes a blob; a wrong hash is `corrupt`, and the upload is gone.
        [[nodiscard]] Result<Progress> finish();

    private:
        UploadFiles* files_;
        registry::Upload upload_;
        UniqueFd file_;
        std::uint64_t written_ = 0;
    };
    /// `conflict` when `offset` is not where the upload stands, or another request is writing.
    [[nodiscard]] Result<std::shared_ptr<Append>> append(std::string_view id,
                                                         std::string_view owner,
                                                         std::uint64_t offset);

private:
    [[nodiscard]] std::filesystem::path path_of(std::string_view id) const;
    void release(const std::string& id);

    std::filesystem::path folder_;
    registry::UploadStore* rows_;
    store::BlobStore* blobs_;
    std::chrono::seconds lifetime_;
    std::mutex mutex_;
    std::set<std::string, std::less<>> busy_;
};

}  // namespace strandline::hub
