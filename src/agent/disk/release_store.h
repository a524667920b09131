#pragma once

#include <filesystem>
#include <set>
#include <string_view>
#include <vector>

#include "agent/disk/state_folder.h"
#include "base/result.h"
#include "base/sha256.h"
#include "store/blob/blob_store.h"
#include "trust/envelope.h"
#include "trust/manifest.h"

namespace strandline::agent {

/// A release as it lies on disk.
struct Release {
    Sha256Digest digest;
    trust::Manifest manifest;
    std::filesystem::path folder;  ///< of the bundle's files

    [[nodiscard]] std::filesystem::path entry() const { return folder / manifest.entry; }
};

/// The releases folder: releases/<digest>/envelope.json and files/<path>, hard links to the blob
/// store where the file system can, copies where it cannot. A release appears by one rename when it
/// is complete and is never changed afterwards. All calls block on the disk.
class ReleaseStore {
public:
    /// Both are borrowed.
    ReleaseStore(const StateFolder& state, store::BlobStore& blobs)
        : state_(&state), blobs_(&blobs) {}

    /// Builds the folder from blobs that are all there. Present and complete is fine.
    [[nodiscard]] Result<Release> install(const trust::Envelope& envelope,
                                          const trust::Manifest& manifest);
    /// Reads the manifest and checks that it is the one of this name; the files are not read.
    [[nodiscard]] Result<Release> load(const Sha256Digest& digest) const;
    /// Hashes every file: `corrupt` names the first that differs, `not_found` one that is missing.
    [[nodiscard]] Status verify(const Release& release) const;
    /// load() and verify() of a set: the ones that passed.
    [[nodiscard]] std::set<Sha256Digest> intact(const std::set<Sha256Digest>& digests) const;

    /// Moves a damaged release to the quarantine folder (one is kept) and forgets its damaged
    /// blobs.
    [[nodiscard]] Status move_aside(const Sha256Digest& digest);
    /// Removes every release and blob that neither `keep` needs nor `keep_blobs` names, and what a
    /// crash left. No update may be fetching meanwhile, unless its blobs are named.
    [[nodiscard]] Status collect(const std::set<Sha256Digest>& keep,
                                 const std::set<Sha256Digest>& keep_blobs = {});

    [[nodiscard]] store::BlobStore& blobs() { return *blobs_; }

private:
    [[nodiscard]] std::filesystem::path folder_of(const Sha256Digest& digest) const;
    [[nodiscard]] Status place(const trust::ManifestFile& file, const std::filesystem::path& files);
    [[nodiscard]] Result<std::set<Sha256Digest>> needed_blobs(
        const std::set<Sha256Digest>& keep) const;

    const StateFolder* state_;
    store::BlobStore* blobs_;
};

}  // namespace strandline::agent
