#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "store/blob/blob_layout.h"

namespace strandline::store {

/// A temporary file, locked while it is written, removed unless it was moved into place. Internal
/// to store/blob.
struct BlobWriter::Impl {
    BlobStore::Impl* store;
    std::filesystem::path path;
    UniqueFd file;
    Sha256 hash;
    std::uint64_t size = 0;
    std::optional<Error> failed;

    Impl(BlobStore::Impl& into, std::filesystem::path at, UniqueFd opened);
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl();

    [[nodiscard]] static Result<std::unique_ptr<Impl>> create(BlobStore::Impl& store,
                                                              std::uint64_t expected_size);
    [[nodiscard]] Status write(ByteSpan bytes);
    [[nodiscard]] Result<BlobInfo> commit(const std::optional<Sha256Digest>& expected);
};

}  // namespace strandline::store
