#include "hub/state/loaded_files.h"

#include <utility>

#include "base/file.h"

namespace strandline::hub {
namespace {

constexpr std::size_t max_file_bytes = std::size_t{64} << 20;  // a revocation list

}  // namespace

LoadedFiles::LoadedFiles(std::vector<std::filesystem::path> files, Load load)
    : files_(std::move(files)), load_(std::move(load)), loaded_(fingerprint()) {}

Sha256Digest LoadedFiles::fingerprint() const {
    Sha256 hash;
    for (const auto& file : files_) {
        const auto digest = sha256(read_text_file(file, max_file_bytes).value_or(""));
        hash.update(as_bytes(digest.hex()));
    }
    return hash.finish();
}

Status LoadedFiles::refresh() {
    // Looked at before they are loaded: a change meanwhile is then loaded once more.
    const auto found = fingerprint();
    {
        const std::lock_guard lock(mutex_);
        if (loaded_ == found) return {};
    }
    TRY(load_());
    const std::lock_guard lock(mutex_);
    loaded_ = found;
    return {};
}

void LoadedFiles::forget() {
    const std::lock_guard lock(mutex_);
    loaded_.reset();
}

}  // namespace strandline::hub
