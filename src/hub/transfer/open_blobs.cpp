#include "hub/transfer/open_blobs.h"

#include <algorithm>
#include <cerrno>
#include <sys/stat.h>

namespace strandline::hub {
namespace {

// A few releases of a few files each, and their deltas; more would only hold file descriptors.
constexpr std::size_t max_open = 64;

// The last name of a removed file is gone, although its bytes stay while it is open.
bool is_removed(const OpenBlob& blob) {
    struct stat status {};
    return ::fstat(blob.file->get(), &status) != 0 || status.st_nlink == 0;
}

}  // namespace

std::optional<OpenBlob> OpenBlobs::find(const Sha256Digest& digest) {
    const std::lock_guard lock(mutex_);
    const auto entry = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const Entry& e) { return e.digest == digest; });
    if (entry == entries_.end()) return std::nullopt;
    if (is_removed(entry->blob)) {
        entries_.erase(entry);
        return std::nullopt;
    }
    entry->used = ++uses_;
    return entry->blob;
}

Result<OpenBlob> OpenBlobs::open(const Sha256Digest& digest) {
    if (auto known = find(digest)) return *std::move(known);
    TRY(auto file, blobs_->open_blob(digest));
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) return error_from_errno("stat a blob", errno);
    OpenBlob blob{std::make_shared<const UniqueFd>(std::move(file)),
                  static_cast<std::uint64_t>(status.st_size)};
    const std::lock_guard lock(mutex_);
    if (entries_.size() >= max_open) {
        entries_.erase(
            std::min_element(entries_.begin(), entries_.end(),
                             [](const Entry& a, const Entry& b) { return a.used < b.used; }));
    }
    entries_.push_back({digest, blob, ++uses_});
    return blob;
}

void OpenBlobs::close_removed() {
    const std::lock_guard lock(mutex_);
    std::erase_if(entries_, [](const Entry& entry) { return is_removed(entry.blob); });
}

std::size_t OpenBlobs::size() const {
    const std::lock_guard lock(mutex_);
    return entries_.size();
}

}  // namespace strandline::hub
