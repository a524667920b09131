#include "hub/backup/copy_files.h"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"

namespace strandline::hub {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t piece_bytes = std::size_t{1} << 20;
constexpr std::size_t max_small_file = std::size_t{4} << 20;

Status copy_blob(const store::BlobStore& from, store::BlobStore& to, const store::BlobInfo& blob) {
    TRY(const auto source, from.open_blob(blob.digest));
    TRY(auto writer, to.begin(blob.size));
    Bytes piece(std::min<std::uint64_t>(piece_bytes, std::max<std::uint64_t>(blob.size, 1)));
    for (std::uint64_t at = 0; at < blob.size;) {
        const auto size = std::min<std::uint64_t>(piece.size(), blob.size - at);
        const auto part = std::span(piece).first(static_cast<std::size_t>(size));
        TRY(read_exactly_at(source.get(), at, part));
        TRY(writer.write(part));
        at += size;
    }
    TRY(writer.commit(blob.digest));
    return {};
}

}  // namespace

Result<bool> is_vacant(const fs::path& folder) {
    std::error_code failed;
    if (!fs::exists(folder, failed)) return true;
    const bool empty = fs::is_empty(folder, failed);
    if (failed) return error_from_errno(folder.string(), failed.value());
    return empty;
}

Result<BackupFile> copy_small_file(const fs::path& from, const fs::path& folder,
                                   const std::string& name) {
    TRY(const auto bytes, read_file(from, max_small_file));
    const auto target = folder / name;
    TRY(make_folders(target.parent_path()));
    TRY(write_file_atomically(target, bytes));
    return BackupFile{name, bytes.size(), sha256(bytes)};
}

Result<BackupFile> describe_file(const fs::path& folder, const std::string& name) {
    TRY(const auto file, open_file(folder / name, O_RDONLY | O_NOFOLLOW));
    struct stat facts {};
    if (::fstat(file.get(), &facts) != 0) return error_from_errno(name, errno);
    TRY(const auto digest, sha256_of_file(file.get()));
    return BackupFile{name, static_cast<std::uint64_t>(facts.st_size), digest};
}

Result<std::uint64_t> copy_blobs(const store::BlobStore& from, store::BlobStore& to,
                                 std::span<const Sha256Digest> digests) {
    std::uint64_t bytes = 0;
    for (const auto& digest : digests) {
        TRY(const auto blob, from.stat(digest));
        const auto copied = copy_blob(from, to, blob);
        if (!copied) return context("blob " + digest.hex(), copied.error());
        bytes += blob.size;
    }
    return bytes;
}

}  // namespace strandline::hub
