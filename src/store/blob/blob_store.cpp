#include "store/blob/blob_store.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "store/blob/blob_layout.h"
#include "store/blob/blob_writer_impl.h"

namespace strandline::store {
namespace {
namespace fs = std::filesystem;

// Room that a blob must leave for journals and the database.
constexpr std::uint64_t slack_bytes = std::uint64_t{4} << 20;

Error missing(const Sha256Digest& digest) {
    return fail(Errc::not_found, "blob " + digest.hex() + " is not stored");
}

Result<struct stat> stat_of(const fs::path& path, const Sha256Digest& digest) {
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0) return status;
    if (errno == ENOENT) return missing(digest);
    return error_from_errno("stat " + path.string(), errno);
}

// A writer holds the lock of its file, here or in another process; a crash has let go of it.
Result<bool> remove_leftover(const fs::path& path) {
    const auto file = open_file(path, O_RDONLY | O_NOFOLLOW);
    if (!file) {
        if (file.error().code == Errc::not_found) return false;
        return file.error();
    }
    if (::flock(file->get(), LOCK_EX | LOCK_NB) != 0) return false;
    TRY(remove_file(path));
    return true;
}

Status remove_leftovers(const fs::path& folder) {
    std::error_code error;
    std::uint64_t removed = 0;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error)) {
        TRY(const auto gone, remove_leftover(entry->path()));
        removed += gone ? 1 : 0;
    }
    if (error) return error_from_errno("list " + folder.string(), error.value());
    if (removed > 0)
        log_info("blob leftovers removed count={} folder={}", removed, folder.string());
    return {};
}

std::int64_t age_ms(const struct stat& status, WallTime now) {
    const std::int64_t changed =
        status.st_mtim.tv_sec * std::int64_t{1000} + status.st_mtim.tv_nsec / 1'000'000;
    return to_unix_ms(now) - changed;
}

}  // namespace

Result<std::unique_ptr<BlobStore>> BlobStore::open(const fs::path& root, const Clock& clock) {
    auto impl = std::make_unique<Impl>();
    impl->blobs = root / "blobs";
    impl->temporary = impl->blobs / "tmp";
    impl->staging = root / "staging";
    impl->clock = &clock;
    TRY(make_folders(impl->temporary));
    TRY(make_folders(impl->staging));
    TRY(sync_folder(impl->blobs));
    TRY(sync_folder(root));
    TRY(remove_leftovers(impl->temporary));
    return std::unique_ptr<BlobStore>(new BlobStore(std::move(impl)));
}

BlobStore::BlobStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
BlobStore::~BlobStore() = default;

Result<BlobWriter> BlobStore::begin(std::uint64_t expected_size) {
    if (expected_size > 0) {
        TRY(const auto free, free_disk_bytes(impl_->blobs));
        if (free < slack_bytes || free - slack_bytes < expected_size) {
            return fail(Errc::exhausted,
                        fmt::format("{} bytes are needed and {} are free in {}; free some space",
                                    expected_size, free, impl_->blobs.string()));
        }
    }
    TRY(auto impl, BlobWriter::Impl::create(*impl_, expected_size));
    return BlobWriter(std::move(impl));
}

Result<BlobInfo> BlobStore::put(ByteSpan bytes) {
    TRY(auto writer, begin(bytes.size()));
    TRY(writer.write(bytes));
    return writer.commit();
}

Result<BlobInfo> BlobStore::adopt(const fs::path& file, std::optional<Sha256Digest> expected) {
    const auto opened = open_file(file, O_RDONLY | O_NOFOLLOW);
    if (!opened) return context("adopt", opened.error());
    auto info = seal(*opened, expected);
    if (!info) {
        if (info.error().code == Errc::corrupt) TRY(remove_file(file));
        return context("adopt " + file.string(), info.error());
    }
    TRY(impl_->move_in(file, info->digest));
    TRY(sync_folder(file.has_parent_path() ? file.parent_path() : fs::path(".")));
    return info;
}

Status BlobStore::refresh(const Sha256Digest& digest) {
    const std::lock_guard lock(impl_->mutex);
    const auto path = impl_->path_of(digest);
    if (::utimensat(AT_FDCWD, path.c_str(), nullptr, 0) != 0) {
        if (errno == ENOENT) return missing(digest);
        return error_from_errno("refresh " + path.string(), errno);
    }
    impl_->recent.note(digest, impl_->clock->steady());
    return {};
}

bool BlobStore::contains(const Sha256Digest& digest) const { return stat(digest).has_value(); }

Result<BlobInfo> BlobStore::stat(const Sha256Digest& digest) const {
    TRY(const auto status, stat_of(path_of(digest), digest));
    return BlobInfo{digest, static_cast<std::uint64_t>(status.st_size)};
}

Result<UniqueFd> BlobStore::open_blob(const Sha256Digest& digest) const {
    auto file = open_file(path_of(digest), O_RDONLY);
    if (!file && file.error().code == Errc::not_found) return missing(digest);
    return file;
}

fs::path BlobStore::path_of(const Sha256Digest& digest) const { return impl_->path_of(digest); }

Status BlobStore::verify(const Sha256Digest& digest) const {
    TRY(const auto file, open_blob(digest));
    // What the disk holds is of interest, not what is cached.
    ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
    TRY(const auto found, sha256_of_file(file.get()));
    if (found == digest) return {};
    return fail(
        Errc::corrupt,
        fmt::format("blob {}: its bytes now have the sha256 {}; remove it and fetch it again",
                    digest.hex(), found.hex()));
}

Status BlobStore::remove(const Sha256Digest& digest) {
    const auto path = path_of(digest);
    {
        const std::lock_guard lock(impl_->mutex);
        if (::unlink(path.c_str()) != 0) {
            if (errno == ENOENT) return missing(digest);
            return error_from_errno("remove " + path.string(), errno);
        }
    }
    return sync_folder(path.parent_path());
}

Result<std::vector<BlobInfo>> BlobStore::list() const {
    std::vector<BlobInfo> blobs;
    std::error_code error;
    fs::recursive_directory_iterator entry(impl_->blobs, error);
    for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
        const auto digest = digest_of(entry->path());
        if (!digest) continue;
        // Removed since the listing began: not there.
        if (const auto info = stat(*digest); info) blobs.push_back(*info);
    }
    if (error) return error_from_errno("list " + impl_->blobs.string(), error.value());
    return blobs;
}

Result<BlobStore::Collected> BlobStore::collect(
    const std::function<Result<bool>(const Sha256Digest&)>& is_referenced,
    std::chrono::seconds min_age) {
    constexpr std::chrono::seconds longest = std::chrono::hours(24 * 365);
    min_age = std::clamp(min_age, std::chrono::seconds(0), longest);
    const auto since = impl_->clock->steady() - min_age;
    const auto is_old = [&](const Sha256Digest& digest) {
        const auto status = stat_of(path_of(digest), digest);
        // Without an age to reach, one whose time is ahead of a wrong clock is old enough too.
        return status &&
               (min_age.count() == 0 || age_ms(*status, impl_->clock->wall()) >=
                                            std::chrono::milliseconds(min_age).count()) &&
               !impl_->recent.has(digest, since);
    };
    TRY(const auto blobs, list());
    Collected collected;
    for (const auto& blob : blobs) {
        {
            const std::lock_guard lock(impl_->mutex);
            if (!is_old(blob.digest)) continue;
        }
        TRY(const auto referenced, is_referenced(blob.digest));
        if (referenced) continue;
        const std::lock_guard lock(impl_->mutex);
        // Once more: it may have been stored anew while the reference was looked up.
        if (!is_old(blob.digest)) continue;
        TRY(remove_file(path_of(blob.digest)));
        ++collected.removed;
        collected.bytes += blob.size;
    }
    const std::lock_guard lock(impl_->mutex);
    impl_->recent.forget_before(since);
    return collected;
}

const fs::path& BlobStore::staging_folder() const { return impl_->staging; }

}  // namespace strandline::store
