#include "hub/legacy/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <array>
#include <fmt/core.h>
#include <memory>

#include "base/ids.h"

namespace strandline::hub {
namespace {

struct CloseArchive {
    void operator()(archive* handle) const { archive_read_free(handle); }
};
using Archive = std::unique_ptr<archive, CloseArchive>;

constexpr std::size_t block_bytes = std::size_t{64} << 10;

Error bad(std::string_view what, archive* handle) {
    const char* text = archive_error_string(handle);
    return fail(Errc::invalid,
                fmt::format("zip: {}: {}", what, text == nullptr ? "malformed" : text));
}

Result<Archive> open_zip(const std::filesystem::path& path) {
    Archive handle(archive_read_new());
    if (!handle) return fail(Errc::internal, "zip: no memory");
    archive_read_support_format_zip(handle.get());
    if (archive_read_open_filename(handle.get(), path.c_str(), block_bytes) != ARCHIVE_OK) {
        return bad("cannot be opened", handle.get());
    }
    return handle;
}

struct Budget {
    std::uint64_t left = 0;
    std::size_t files = 0;
};

Status copy_member(archive* handle, store::BlobWriter& out, Budget& budget) {
    std::array<char, block_bytes> buffer{};
    while (true) {
        const auto count = archive_read_data(handle, buffer.data(), buffer.size());
        if (count < 0) return bad("a member cannot be read", handle);
        if (count == 0) return {};
        const auto bytes = static_cast<std::size_t>(count);
        if (bytes > budget.left) return fail(Errc::invalid, "zip: unpacks to more than is allowed");
        budget.left -= bytes;
        TRY(out.write(as_bytes({buffer.data(), bytes})));
    }
}

Result<std::string> member_path(archive_entry* entry) {
    const char* name = archive_entry_pathname_utf8(entry);
    if (name == nullptr) name = archive_entry_pathname(entry);
    if (name == nullptr) return fail(Errc::invalid, "zip: a member has no name");
    const std::string path(name);
    const auto checked = check_bundle_path(path);
    if (!checked) return fail(Errc::invalid, "zip: " + checked.error().message);
    const bool link =
        archive_entry_hardlink(entry) != nullptr || archive_entry_symlink(entry) != nullptr;
    if (link || archive_entry_filetype(entry) != AE_IFREG) {
        return fail(Errc::invalid, fmt::format("zip: {} is no plain file", path));
    }
    if (archive_entry_is_encrypted(entry) != 0) {
        return fail(Errc::invalid, fmt::format("zip: {} is encrypted", path));
    }
    return path;
}

Result<registry::FileSpec> store_member(archive* handle, archive_entry* entry,
                                        store::BlobStore& blobs, Budget& budget) {
    registry::FileSpec file;
    TRY(file.path, member_path(entry));
    TRY(auto writer, blobs.begin());
    TRY(copy_member(handle, writer, budget));
    TRY(const auto stored, writer.commit());
    file.sha256 = stored.digest;
    return file;
}

}  // namespace

Result<std::vector<registry::FileSpec>> unpack_zip(const std::filesystem::path& archive_path,
                                                   store::BlobStore& blobs,
                                                   const UnpackLimits& limits) {
    std::error_code error;
    const auto packed = std::filesystem::file_size(archive_path, error);
    if (error) return fail(Errc::internal, archive_path.string() + ": " + error.message());
    TRY(const auto handle, open_zip(archive_path));
    Budget budget{.left = std::min(limits.max_bytes, packed * limits.max_ratio)};
    std::vector<registry::FileSpec> files;
    while (true) {
        archive_entry* entry = nullptr;
        const int next = archive_read_next_header(handle.get(), &entry);
        if (next == ARCHIVE_EOF) break;
        if (next != ARCHIVE_OK) return bad("damaged", handle.get());
        if (archive_entry_filetype(entry) == AE_IFDIR) continue;
        if (++budget.files > limits.max_files) {
            return fail(Errc::invalid, fmt::format("zip: more than {} files", limits.max_files));
        }
        TRY(auto file, store_member(handle.get(), entry, blobs, budget));
        files.push_back(std::move(file));
    }
    if (files.empty()) return fail(Errc::invalid, "zip: holds no file");
    return files;
}

}  // namespace strandline::hub
