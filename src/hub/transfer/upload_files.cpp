#include "hub/transfer/upload_files.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace strandline::hub {

UploadFiles::UploadFiles(std::filesystem::path folder, registry::UploadStore& rows,
                         store::BlobStore& blobs, std::chrono::seconds lifetime,
                         std::uint64_t step_bytes)
    : folder_(std::move(folder)),
      rows_(&rows),
      blobs_(&blobs),
      lifetime_(lifetime),
      step_bytes_(step_bytes) {}

std::filesystem::path UploadFiles::path_of(std::string_view id) const { return folder_ / id; }

Result<registry::Upload> UploadFiles::create(const registry::UploadRequest& request) {
    TRY(make_folders(folder_));
    TRY(const auto free, free_disk_bytes(folder_));
    if (request.length > free) {
        return fail(Errc::exhausted, fmt::format("an upload of {} bytes does not fit, {} are free",
                                                 request.length, free));
    }
    auto wanted = request;
    wanted.lifetime = lifetime_;
    TRY(auto upload, rows_->create(wanted));
    TRY(open_file(path_of(upload.id), O_WRONLY | O_CREAT | O_TRUNC));
    TRY(sync_folder(folder_));
    return upload;
}

Result<registry::Upload> UploadFiles::get(std::string_view id, std::string_view owner) {
    TRY(auto upload, rows_->get(id));
    if (upload.owner == owner && std::filesystem::exists(path_of(id))) return upload;
    // No file: it became a blob just before a crash, and only the row was left.
    if (upload.owner == owner) TRY(rows_->remove(id));
    return fail(Errc::not_found, fmt::format("upload {} is unknown", id));
}

Status UploadFiles::remove(std::string_view id, std::string_view owner) {
    TRY(get(id, owner));
    TRY(remove_file(path_of(id)));
    return rows_->remove(id);
}

Result<std::size_t> UploadFiles::remove_expired() {
    TRY(const auto ids, rows_->expired());
    const auto remove_one = [this](const std::string& id) -> Status {
        if (rows_->get(id)) return {};  // a request moved it on before we had the claim
        TRY(remove_file(path_of(id)));
        return rows_->remove(id);
    };
    std::size_t removed = 0;
    for (const auto& id : ids) {
        if (!claim(id)) continue;
        const auto done = remove_one(id);
        release(id);
        TRY(done);
        ++removed;
    }
    return removed;
}

Result<std::shared_ptr<UploadFiles::Append>> UploadFiles::append(std::string_view id,
                                                                 std::string_view owner,
                                                                 std::uint64_t offset) {
    if (!claim(id)) {
        return fail(Errc::conflict, fmt::format("another request is writing upload {}", id));
    }
    auto result = open(id, owner, offset);
    if (!result) release(std::string(id));
    return result;
}

Result<std::shared_ptr<UploadFiles::Append>> UploadFiles::open(std::string_view id,
                                                               std::string_view owner,
                                                               std::uint64_t offset) {
    TRY(auto upload, get(id, owner));
    if (upload.offset != offset) {
        return fail(Errc::conflict,
                    fmt::format("upload {} stands at {}, not at {}", id, upload.offset, offset));
    }
    const auto path = path_of(id);
    // A crash while it became a blob has left it read-only.
    if (::chmod(path.c_str(), 0600) != 0) return error_from_errno(path.string(), errno);
    TRY(auto file, open_file(path, O_WRONLY));
    // Bytes past the offset come from a request that a crash ended before it vouched for them.
    if (::ftruncate(file.get(), static_cast<off_t>(offset)) != 0) {
        return error_from_errno(path.string(), errno);
    }
    return std::make_shared<Append>(*this, std::move(upload), std::move(file));
}

bool UploadFiles::claim(std::string_view id) {
    const std::lock_guard lock(mutex_);
    return busy_.emplace(id).second;
}

void UploadFiles::release(const std::string& id) {
    const std::lock_guard lock(mutex_);
    busy_.erase(id);
}

UploadFiles::Append::Append(UploadFiles& files, registry::Upload upload, UniqueFd file)
    : files_(&files), upload_(std::move(upload)), file_(std::move(file)) {
    ::lseek(file_.get(), static_cast<off_t>(upload_.offset), SEEK_SET);
}

UploadFiles::Append::~Append() { files_->release(upload_.id); }

Status UploadFiles::Append::write(ByteSpan bytes) {
    if (bytes.size() > upload_.length - upload_.offset - written_) {
        return fail(Errc::invalid, fmt::format("upload {} is longer than the {} bytes it declared",
                                               upload_.id, upload_.length));
    }
    TRY(write_all(file_.get(), bytes));
    written_ += bytes.size();
    if (written_ < files_->step_bytes_) return {};
    return advance();
}

Status UploadFiles::Append::advance() {
    TRY(sync_file(file_.get(), files_->path_of(upload_.id)));
    const auto offset = upload_.offset + written_;
    TRY(files_->rows_->advance(upload_.id, upload_.offset, offset, files_->lifetime_));
    upload_.offset = offset;
    written_ = 0;
    return {};
}

Result<UploadFiles::Append::Progress> UploadFiles::Append::finish() {
    // Also when it is complete: whoever is interrupted below goes on from here.
    TRY(advance());
    if (upload_.offset < upload_.length) return Progress{.offset = upload_.offset};
    // The file goes first: a row without a file is recognised, the other way round is not.
    auto blob = files_->blobs_->adopt(files_->path_of(upload_.id), upload_.expected);
    const bool over = blob || blob.error().code == Errc::corrupt;
    if (over) TRY(files_->rows_->remove(upload_.id));
    if (!blob) return context(fmt::format("upload {}", upload_.id), std::move(blob).error());
    return Progress{.offset = upload_.offset, .blob = *blob};
}

}  // namespace strandline::hub
