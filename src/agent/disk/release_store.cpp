#include "agent/disk/release_store.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

namespace strandline::agent {
namespace {

constexpr std::size_t max_envelope_bytes = 1U << 20;
constexpr std::string_view partial_suffix = ".partial";

Status copy_blob(store::BlobStore& blobs, const Sha256Digest& digest,
                 const std::filesystem::path& to) {
    TRY(const auto from, blobs.open_blob(digest));
    TRY(const auto out, open_file(to, O_WRONLY | O_CREAT | O_TRUNC, 0600));
    Bytes buffer(std::size_t{256} * 1024);
    for (;;) {
        const auto count = ::read(from.get(), buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return error_from_errno("read of blob " + digest.hex(), errno);
        if (count == 0) break;
        TRY(write_all(out.get(), ByteSpan(buffer).first(static_cast<std::size_t>(count))));
    }
    return sync_file(out.get(), to);
}

/// Hashes one file of a bundle.
Status check_file(const std::filesystem::path& path, const trust::ManifestFile& file) {
    TRY(const auto fd, open_file(path, O_RDONLY));
    struct stat facts {};
    if (::fstat(fd.get(), &facts) != 0) return error_from_errno(path.string(), errno);
    if (static_cast<std::uint64_t>(facts.st_size) != file.size) {
        return fail(Errc::corrupt, file.path + " has " + std::to_string(facts.st_size) +
                                       " bytes where the manifest says " +
                                       std::to_string(file.size));
    }
    TRY(const auto digest, sha256_of_file(fd.get()));
    if (digest != file.sha256) {
        return fail(Errc::corrupt, file.path + " does not have the hash that the manifest says");
    }
    return {};
}

Status remove_tree(const std::filesystem::path& path) {
    std::error_code error;
    std::filesystem::remove_all(path, error);
    if (error) return error_from_errno("remove " + path.string(), error.value());
    return {};
}

Status rename_tree(const std::filesystem::path& from, const std::filesystem::path& to) {
    if (::rename(from.c_str(), to.c_str()) != 0) {
        return error_from_errno("rename " + from.string(), errno);
    }
    return sync_folder(to.parent_path());
}

/// Makes the entries of a new bundle durable, folder by folder.
Status sync_tree(const std::filesystem::path& root) {
    std::error_code error;
    for (std::filesystem::recursive_directory_iterator it(root, error), end; !error && it != end;
         it.increment(error)) {
        if (it->is_directory(error)) TRY(sync_folder(it->path()));
    }
    if (error) return error_from_errno(root.string(), error.value());
    return sync_folder(root);
}

}  // namespace

std::filesystem::path ReleaseStore::folder_of(const Sha256Digest& digest) const {
    return state_->releases() / digest.hex();
}

Status ReleaseStore::place(const trust::ManifestFile& file, const std::filesystem::path& files) {
    const auto to = files / file.path;
    TRY(make_folders(to.parent_path()));
    std::error_code error;
    // An executable is copied: its mode must not leak to other releases that share the blob.
    if (!file.executable)
        std::filesystem::create_hard_link(blobs_->path_of(file.sha256), to, error);
    if (file.executable || error) TRY(copy_blob(*blobs_, file.sha256, to));
    if (file.executable && ::chmod(to.c_str(), 0700) != 0)
        return error_from_errno(to.string(), errno);
    return {};
}

Result<Release> ReleaseStore::install(const trust::Envelope& envelope,
                                      const trust::Manifest& manifest) {
    const auto digest = envelope.digest();
    if (auto present = load(digest); present && verify(*present)) return present;
    const auto final_folder = folder_of(digest);
    auto partial = final_folder;
    partial += partial_suffix;
    TRY(remove_tree(partial));
    TRY(remove_tree(final_folder));
    TRY(make_folders(partial / "files"));
    for (const auto& file : manifest.files) TRY(place(file, partial / "files"));
    TRY(write_file_atomically(partial / "envelope.json", as_bytes(to_json(envelope))));
    TRY(sync_tree(partial));
    TRY(rename_tree(partial, final_folder));
    return Release{digest, manifest, final_folder / "files"};
}

Result<Release> ReleaseStore::load(const Sha256Digest& digest) const {
    const auto folder = folder_of(digest);
    TRY(const auto text, read_text_file(folder / "envelope.json", max_envelope_bytes));
    TRY(const auto envelope, trust::envelope_from_json(text));
    if (envelope.digest() != digest) {
        return fail(Errc::corrupt,
                    "the manifest in " + folder.string() + " is not the one of its name");
    }
    TRY(auto manifest, trust::manifest_from_json(envelope.payload));
    return Release{digest, std::move(manifest), folder / "files"};
}

Status ReleaseStore::verify(const Release& release) const {
    for (const auto& file : release.manifest.files)
        TRY(check_file(release.folder / file.path, file));
    return {};
}

std::set<Sha256Digest> ReleaseStore::intact(const std::set<Sha256Digest>& digests) const {
    std::set<Sha256Digest> good;
    for (const auto& digest : digests) {
        const auto release = load(digest);
        const auto status = release ? verify(*release) : Status(release.error());
        if (status) {
            good.insert(digest);
        } else {
            log_error("release damaged manifest={} error=\"{}\"", digest.hex(),
                      status.error().message);
        }
    }
    return good;
}

Status ReleaseStore::move_aside(const Sha256Digest& digest) {
    const auto release = load(digest);
    if (release) {
        for (const auto& file : release->manifest.files) {
            // The bundle's file is a link to the blob, so the blob may share the damage.
            if (blobs_->contains(file.sha256) && !blobs_->verify(file.sha256)) {
                TRY(blobs_->remove(file.sha256));
            }
        }
    }
    std::error_code error;
    if (!std::filesystem::exists(folder_of(digest), error)) return {};
    TRY(remove_tree(state_->quarantine()));
    TRY(make_folders(state_->quarantine()));
    return rename_tree(folder_of(digest), state_->quarantine() / digest.hex());
}

Result<std::set<Sha256Digest>> ReleaseStore::needed_blobs(
    const std::set<Sha256Digest>& keep) const {
    std::set<Sha256Digest> needed;
    for (const auto& digest : keep) {
        const auto release = load(digest);
        if (!release && release.error().code == Errc::not_found)
            continue;  // a candidate not built yet
        if (!release) return release.error();
        for (const auto& file : release->manifest.files) needed.insert(file.sha256);
    }
    return needed;
}

Status ReleaseStore::collect(const std::set<Sha256Digest>& keep,
                             const std::set<Sha256Digest>& keep_blobs) {
    TRY(const auto needed, needed_blobs(keep));
    std::error_code error;
    std::vector<std::filesystem::path> doomed;
    for (std::filesystem::directory_iterator it(state_->releases(), error), end;
         !error && it != end; it.increment(error)) {
        const auto digest = Sha256Digest::from_hex(it->path().filename().string());
        if (!digest || !keep.contains(*digest)) doomed.push_back(it->path());
    }
    if (error) return error_from_errno(state_->releases().string(), error.value());
    for (const auto& path : doomed) TRY(remove_tree(path));
    const auto is_needed = [&](const Sha256Digest& digest) -> Result<bool> {
        return needed.contains(digest) || keep_blobs.contains(digest);
    };
    TRY(const auto collected, blobs_->collect(is_needed, std::chrono::seconds{0}));
    if (collected.removed > 0) {
        log_info("blobs collected count={} bytes={}", collected.removed, collected.bytes);
    }
    return {};
}

}  // namespace strandline::agent
