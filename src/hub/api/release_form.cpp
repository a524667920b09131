#include "hub/api/release_form.h"

#include <fmt/core.h>

#include "base/ids.h"

namespace strandline::hub {
namespace {

constexpr std::size_t max_release_json = std::size_t{1} << 20;

}  // namespace

Status ReleaseForm::begin(const PartHead& head) {
    if (!request_) {
        if (head.name != "release" || head.filename) {
            return fail(Errc::invalid, "form: the first part must be the field \"release\"");
        }
        return {};
    }
    if (!head.filename) {
        return fail(
            Errc::invalid,
            fmt::format("form: part \"{}\" is no file; a file part needs a filename", head.name));
    }
    TRY(check_bundle_path(*head.filename));
    file_ = registry::FileSpec{
        .path = *head.filename, .sha256 = {}, .executable = head.name == "executable"};
    TRY(writer_, blobs_->begin());
    return {};
}

Status ReleaseForm::data(ByteSpan bytes) {
    if (writer_) return writer_->write(bytes);
    if (text_.size() + bytes.size() > max_release_json) {
        return fail(Errc::invalid, "form: field \"release\" is too long");
    }
    text_ += as_text(bytes);
    return {};
}

Status ReleaseForm::end() {
    if (!writer_) {
        TRY(request_, release_request_from_json(text_, "release"));
        if (!request_->files.empty()) {
            return fail(Errc::invalid,
                        "release.files: must be absent in a form; the file parts say it");
        }
        return {};
    }
    TRY(const auto stored, writer_->commit());
    writer_.reset();
    file_.sha256 = stored.digest;
    request_->files.push_back(std::move(file_));
    return {};
}

Result<registry::ReleaseRequest> ReleaseForm::take() {
    if (!request_) return fail(Errc::invalid, "form: the field \"release\" is missing");
    if (request_->files.empty()) return fail(Errc::invalid, "form: there is no file part");
    auto request = *std::move(request_);
    request_.reset();
    name_single_model(request);
    for (auto& file : request.files) {
        const bool entry = request.files.size() == 1 || file.path == request.entry;
        if (request.kind == trust::RuntimeKind::process && entry) file.executable = true;
    }
    return request;
}

void name_single_model(registry::ReleaseRequest& request) {
    if (request.kind != trust::RuntimeKind::onnx || request.files.size() != 1 ||
        !request.entry.empty())
        return;
    auto& path = request.files.front().path;
    if (path.ends_with(".onnx")) path = "model.onnx";
}

}  // namespace strandline::hub
