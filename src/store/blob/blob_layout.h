#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/sha256.h"
#include "store/blob/blob_store.h"

namespace strandline::store {

/// Digests stored lately, by the monotonic clock: what a jump of the wall clock must not make old.
/// Bounded: beyond `limit` the oldest are forgotten, and file time alone counts for them. Internal
/// to store/blob; guarded by the store's mutex.
class RecentBlobs {
public:
    static constexpr std::size_t limit = 65'536;

    void note(const Sha256Digest& digest, SteadyTime now);
    [[nodiscard]] bool has(const Sha256Digest& digest, SteadyTime since) const;
    void forget_before(SteadyTime since);

private:
    std::map<Sha256Digest, SteadyTime> at_;
    std::set<std::pair<SteadyTime, Sha256Digest>> by_age_;
};

/// Where things are, and the steps that change it. Internal to store/blob.
struct BlobStore::Impl {
    std::filesystem::path blobs;      ///< blobs/ab/<62 characters>
    std::filesystem::path temporary;  ///< writers' files; each is locked by its writer
    std::filesystem::path staging;
    const Clock* clock = nullptr;

    /// Held over a rename into place, and over a collection's last look and unlink.
    std::mutex mutex;
    RecentBlobs recent;
    std::set<std::string> durable_folders;

    [[nodiscard]] std::filesystem::path path_of(const Sha256Digest& digest) const;
    /// Puts a synced, checked file in its place and makes that durable.
    [[nodiscard]] Status move_in(const std::filesystem::path& from, const Sha256Digest& digest);

private:
    [[nodiscard]] Status prepare_folder(const Sha256Digest& digest);
};

/// The digest in `ab/cdef...`, if it is one.
[[nodiscard]] std::optional<Sha256Digest> digest_of(const std::filesystem::path& path);

/// Syncs an open file, reads it back and compares; makes it read-only and young.
[[nodiscard]] Result<BlobInfo> seal(const UniqueFd& file,
                                    const std::optional<Sha256Digest>& expected);

/// A full disk or quota in plain words.
[[nodiscard]] Error disk_error(std::string_view what, int error_number);

}  // namespace strandline::store
