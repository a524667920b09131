#include "hub/legacy/legacy_uploads.h"

#include <algorithm>

#include "base/log.h"
#include "base/utf8.h"
#include "hub/api/channel_followers.h"
#include "hub/api/release_form.h"
#include "hub/legacy/legacy_names.h"
#include "hub/legacy/unpack.h"
#include "policy/version.h"

namespace strandline::hub {
namespace {

constexpr std::size_t max_title = 200;  // specs S0-7
constexpr std::size_t max_text = 255;
constexpr std::string_view channel = "latest";

void check_text(FieldProblems& problems, const std::string& field, const std::string& text,
                std::size_t longest) {
    if (text.empty()) {
        problems[field] = "This field may not be blank.";
    } else if (!is_plain_text(text, "\n\t")) {
        problems[field] = "Not a valid string.";
    } else if (text.size() > longest) {
        problems[field] =
            "Ensure this field has no more than " + std::to_string(longest) + " characters.";
    }
}

// Moves the form's values into the row.
void take_fields(registry::LegacyFile& file, const LegacyForm& form, bool partial,
                 FieldProblems& problems) {
    const auto take = [&](const char* name, std::string& field, bool has_default) {
        const auto found = form.fields.find(name);
        if (found != form.fields.end()) {
            field = found->second;
        } else if (!partial && !has_default) {
            problems[name] = "This field is required.";
        }
    };
    take("title", file.title, true);
    take("description", file.description, false);
    take("version", file.version, false);
    if (form.document) {
        file.blob = form.document->blob.digest;
        file.size = form.document->blob.size;
        file.filename = form.document->filename;
        if (file.size == 0) problems["document"] = "The submitted file is empty.";
    } else if (!partial) {
        problems["document"] = "No file was submitted.";
    }
}

void check_fields(const registry::LegacyFile& file, FieldProblems& problems) {
    if (!problems.contains("title")) check_text(problems, "title", file.title, max_title);
    if (!problems.contains("title") && folder_name(file.title) != file.title) {
        problems["title"] = "Slashes and control characters are not allowed.";
    }
    if (!problems.contains("description"))
        check_text(problems, "description", file.description, max_text);
    if (!problems.contains("version")) check_text(problems, "version", file.version, max_text);
    if (!problems.contains("version") && !policy::Version::parse(file.version)) {
        problems["version"] = "Enter a version such as 1.0.3 or 01.";
    }
}

bool has_model(const std::vector<registry::FileSpec>& files) {
    return std::any_of(files.begin(), files.end(),
                       [](const auto& file) { return file.path.ends_with(".onnx"); });
}

LegacyResult problem(std::string field, std::string text) {
    LegacyResult result;
    result.problems.emplace(std::move(field), std::move(text));
    return result;
}

constexpr const char* taken =
    "This title and version exist with another document; use a new version number.";

}  // namespace

Result<std::string> LegacyUploads::make_release(const registry::LegacyFile& file) {
    registry::ReleaseRequest request;
    request.package = package_of_title(file.title);
    request.version = file.version;
    request.channel = std::string(channel);
    request.labels = {{"legacy-title", file.title.substr(0, 128)}};
    if (file.filename.ends_with(".zip")) {
        TRY(request.files, unpack_zip(services_->blobs.path_of(file.blob), services_->blobs));
    } else {
        request.files.push_back({.path = file.filename, .sha256 = file.blob, .executable = false});
        name_single_model(request);
    }
    if (!has_model(request.files)) {
        log_warn(
            "legacy document holds no .onnx file: kept, but no release title=\"{}\" version={}",
            file.title, file.version);
        return std::string();
    }
    TRY(const auto made, services_->domain.release_service.create(request));
    TRY(lead_followers(*services_, request.package, channel, "legacy"));
    return made.release.id;
}

Result<LegacyResult> LegacyUploads::store_new(const registry::LegacyFile& file) {
    auto row = file;
    auto release = make_release(row);
    if (!release) {
        const auto& error = release.error();
        if (error.code == Errc::conflict) return problem("version", taken);
        if (error.code == Errc::invalid) return problem("document", error.message);
        return error;
    }
    row.release = *std::move(release);
    TRY(auto stored, services_->domain.legacy_files.add(row));
    announce_(stored);
    return LegacyResult{.file = std::move(stored), .created = true};
}

Result<LegacyResult> LegacyUploads::create(LegacyForm& form) {
    registry::LegacyFile file;
    file.title = "Model";  // the default of the table (specs S0-7)
    LegacyResult result;
    take_fields(file, form, false, result.problems);
    check_fields(file, result.problems);
    if (!result.problems.empty()) return result;
    file.filename = document_name(file.title, file.version, file.filename);
    auto known = services_->domain.legacy_files.find(file.title, file.version);
    if (!known && known.error().code != Errc::not_found) return known.error();
    if (!known) return store_new(file);
    if (known->blob != file.blob) return problem("version", taken);
    announce_(*known);
    result.file = *std::move(known);
    return result;
}

Result<LegacyResult> LegacyUploads::update(std::int64_t id, LegacyForm& form, bool partial) {
    TRY(const auto before, services_->domain.legacy_files.get(id));
    auto file = before;
    LegacyResult result;
    take_fields(file, form, partial, result.problems);
    check_fields(file, result.problems);
    if (!result.problems.empty()) return result;
    file.filename =
        document_name(file.title, file.version, form.document ? file.filename : before.filename);
    const bool same_model =
        file.title == before.title && file.version == before.version && file.blob == before.blob;
    if (!same_model) {
        const auto other = services_->domain.legacy_files.find(file.title, file.version);
        const bool clash = other && other->id != id;
        if (clash) return problem("version", taken);
        auto release = make_release(file);
        if (!release && release.error().code == Errc::conflict) return problem("version", taken);
        if (!release) return release.error();
        file.release = *std::move(release);
    }
    TRY(services_->domain.legacy_files.update(file));
    if (!same_model) announce_(file);
    result.file = std::move(file);
    return result;
}

}  // namespace strandline::hub
