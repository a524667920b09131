#include "store/blob/blob_layout.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

namespace strandline::store {
namespace fs = std::filesystem;

void RecentBlobs::note(const Sha256Digest& digest, SteadyTime now) {
    const auto [entry, fresh] = at_.try_emplace(digest, now);
    if (!fresh) {
        by_age_.erase({entry->second, digest});
        entry->second = now;
    }
    by_age_.emplace(now, digest);
    if (by_age_.size() > limit) {
        at_.erase(by_age_.begin()->second);
        by_age_.erase(by_age_.begin());
    }
}

bool RecentBlobs::has(const Sha256Digest& digest, SteadyTime since) const {
    const auto found = at_.find(digest);
    return found != at_.end() && found->second > since;
}

void RecentBlobs::forget_before(SteadyTime since) {
    while (!by_age_.empty() && by_age_.begin()->first <= since) {
        at_.erase(by_age_.begin()->second);
        by_age_.erase(by_age_.begin());
    }
}

fs::path BlobStore::Impl::path_of(const Sha256Digest& digest) const {
    const std::string hex = digest.hex();
    return blobs / hex.substr(0, 2) / hex.substr(2);
}

Status BlobStore::Impl::prepare_folder(const Sha256Digest& digest) {
    const fs::path folder = path_of(digest).parent_path();
    if (durable_folders.contains(folder.filename())) return {};
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
        return disk_error("create folder " + folder.string(), errno);
    }
    TRY(sync_folder(blobs));
    durable_folders.insert(folder.filename());
    return {};
}

Status BlobStore::Impl::move_in(const fs::path& from, const Sha256Digest& digest) {
    const fs::path to = path_of(digest);
    {
        const std::lock_guard lock(mutex);
        TRY(prepare_folder(digest));
        // Also over a blob that is there already: that renews its age, and heals it if its bytes
        // rotted.
        if (::rename(from.c_str(), to.c_str()) != 0) {
            if (errno == EXDEV) {
                return fail(Errc::invalid, from.string() +
                                               ": is on another file system than the blob store; "
                                               "put it into the staging folder");
            }
            return disk_error("rename to " + to.string(), errno);
        }
        recent.note(digest, clock->steady());
    }
    return sync_folder(to.parent_path());
}

std::optional<Sha256Digest> digest_of(const fs::path& path) {
    auto digest =
        Sha256Digest::from_hex(path.parent_path().filename().string() + path.filename().string());
    const bool split = path.filename().string().size() == 62;
    if (!digest || !split) return std::nullopt;
    return *digest;
}

Result<BlobInfo> seal(const UniqueFd& file, const std::optional<Sha256Digest>& expected) {
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) return error_from_errno("stat", errno);
    if (!S_ISREG(status.st_mode)) return fail(Errc::invalid, "is not a regular file");
    if (::fchmod(file.get(), 0400) != 0) return error_from_errno("change mode", errno);
    if (::futimens(file.get(), nullptr) != 0) return error_from_errno("change time", errno);
    if (::fsync(file.get()) != 0) return disk_error("fsync", errno);
    // Drops the cached pages, so that the hash is of what the disk holds where the kernel agrees.
    ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
    TRY(const auto digest, sha256_of_file(file.get()));
    if (expected && digest != *expected) {
        return fail(Errc::corrupt,
                    fmt::format("sha256 is {}, expected {}", digest.hex(), expected->hex()));
    }
    return BlobInfo{digest, static_cast<std::uint64_t>(status.st_size)};
}

Error disk_error(std::string_view what, int error_number) {
    Error error = error_from_errno(what, error_number);
    if (error_number == EFBIG) error.code = Errc::exhausted;
    if (error.code == Errc::exhausted) error.message += "; free some space or raise the limit";
    return error;
}

}  // namespace strandline::store
