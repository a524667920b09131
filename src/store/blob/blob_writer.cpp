#include <cerrno>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/ids.h"
#include "store/blob/blob_layout.h"
#include "store/blob/blob_writer_impl.h"

namespace strandline::store {

BlobWriter::Impl::Impl(BlobStore::Impl& into, std::filesystem::path at, UniqueFd opened)
    : store(&into), path(std::move(at)), file(std::move(opened)) {}

BlobWriter::Impl::~Impl() {
    if (file) ::unlink(path.c_str());
}

Result<std::unique_ptr<BlobWriter::Impl>> BlobWriter::Impl::create(BlobStore::Impl& store,
                                                                   std::uint64_t expected_size) {
    const auto path = store.temporary / make_id("tmp");
    TRY(auto file, open_file(path, O_RDWR | O_CREAT | O_EXCL, 0600));
    auto impl = std::make_unique<Impl>(store, path, std::move(file));
    // Tells a store that is being opened that this file is no leftover.
    if (::flock(impl->file.get(), LOCK_EX | LOCK_NB) != 0)
        return error_from_errno("lock " + path.string(), errno);
    // Takes the room now where the file system can; a promise of free space would not hold.
    if (expected_size > 0 &&
        ::fallocate(impl->file.get(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(expected_size)) !=
            0 &&
        errno != EOPNOTSUPP && errno != ENOSYS && errno != EINTR) {
        return disk_error(
            fmt::format("reserve {} bytes in {}", expected_size, store.temporary.string()), errno);
    }
    return impl;
}

Status BlobWriter::Impl::write(ByteSpan bytes) {
    if (failed) return *failed;
    while (!bytes.empty()) {
        const ssize_t count = ::write(file.get(), bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) {
            failed = disk_error("write " + path.string(), errno);
            return *failed;
        }
        const auto done = static_cast<std::size_t>(count);
        hash.update(bytes.first(done));
        bytes = bytes.subspan(done);
        size += done;
    }
    return {};
}

Result<BlobInfo> BlobWriter::Impl::commit(const std::optional<Sha256Digest>& expected) {
    if (failed) return *failed;
    failed = fail(Errc::internal, "the blob was committed already");
    const auto written = hash.finish();
    if (expected && written != *expected) {
        return fail(Errc::corrupt,
                    fmt::format("sha256 is {}, expected {}", written.hex(), expected->hex()));
    }
    // Gives back what was reserved and not used.
    if (::ftruncate(file.get(), static_cast<off_t>(size)) != 0)
        return disk_error("truncate " + path.string(), errno);
    TRY(const auto info, seal(file, written));
    TRY(store->move_in(path, info.digest));
    file.reset();
    return info;
}

BlobWriter::BlobWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
BlobWriter::BlobWriter(BlobWriter&&) noexcept = default;
BlobWriter& BlobWriter::operator=(BlobWriter&&) noexcept = default;
BlobWriter::~BlobWriter() = default;

Status BlobWriter::write(ByteSpan bytes) { return impl_->write(bytes); }

std::uint64_t BlobWriter::size() const { return impl_->size; }

Result<BlobInfo> BlobWriter::commit(std::optional<Sha256Digest> expected) {
    auto info = impl_->commit(expected);
    if (!info) return context("store blob", info.error());
    return info;
}

}  // namespace strandline::store
