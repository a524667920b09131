#include "registry/release_service.h"

#include <algorithm>
#include <fmt/core.h>

#include "base/ids.h"
#include "registry/channel_store.h"
#include "registry/columns_json.h"
#include "registry/package_store.h"
#include "registry/release_store.h"

namespace strandline::registry {
namespace {

Error bad_field(std::string_view field, std::string_view problem) {
    return fail(Errc::invalid, fmt::format("release: {}: {}", field, problem));
}

// What to run when the request does not say: the only file, or the one model at the top.
Result<std::string> default_entry(const ReleaseRequest& request) {
    if (request.files.size() == 1) return request.files.front().path;
    std::vector<std::string_view> models;
    for (const auto& file : request.files) {
        const std::string_view path = file.path;
        if (path == "model.onnx") return file.path;
        if (path.ends_with(".onnx") && path.find('/') == std::string_view::npos)
            models.push_back(path);
    }
    if (request.kind == trust::RuntimeKind::onnx && models.size() == 1)
        return std::string(models.front());
    return bad_field("entry", "name the file to run, there are several");
}

Status check_paths(const std::vector<trust::ManifestFile>& sorted) {
    for (std::size_t i = 0; i < sorted.size(); ++i) {
        TRY(check_bundle_path(sorted[i].path));
        if (i > 0 && sorted[i].path == sorted[i - 1].path) {
            return bad_field("files", fmt::format("path {} is there twice", sorted[i].path));
        }
    }
    return {};
}

Status check_references(const trust::Manifest& manifest) {
    if (manifest.find_file(manifest.entry) == nullptr) {
        return bad_field("entry", fmt::format("{} is none of the files", manifest.entry));
    }
    if (manifest.golden && manifest.find_file(manifest.golden->file) == nullptr) {
        return bad_field("golden.file",
                         fmt::format("{} is none of the files", manifest.golden->file));
    }
    return {};
}

}  // namespace

Result<trust::Manifest> manifest_of(const ReleaseRequest& request,
                                    std::span<const std::uint64_t> sizes) {
    STRANDLINE_ASSERT(sizes.size() == request.files.size());
    TRY(const auto triple, check_triple({request.package, request.version, request.variant}));
    if (request.files.empty()) return bad_field("files", "at least one is needed");
    if (request.files.size() > trust::max_manifest_files) {
        return bad_field("files", fmt::format("at most {}", trust::max_manifest_files));
    }
    trust::Manifest manifest;
    manifest.package = triple.package;
    manifest.version = triple.version;
    manifest.variant = triple.variant;
    manifest.kind = request.kind;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        const auto& file = request.files[i];
        manifest.files.push_back({file.path, sizes[i], file.sha256, file.executable});
    }
    // One order, so that the same content has the same digest whatever order it was sent in.
    std::sort(manifest.files.begin(), manifest.files.end(),
              [](const auto& a, const auto& b) { return a.path < b.path; });
    TRY(check_paths(manifest.files));
    manifest.entry = request.entry;
    if (manifest.entry.empty()) {
        TRY(manifest.entry, default_entry(request));
    }
    manifest.arguments = request.arguments;
    manifest.requirements = request.requirements;
    manifest.golden = request.golden;
    manifest.labels = request.labels;
    TRY(check_references(manifest));
    return manifest;
}

Result<CreatedRelease> ReleaseService::create(const ReleaseRequest& request) {
    if (request.channel) TRY(check_name("channel", *request.channel));
    std::vector<std::uint64_t> sizes;
    for (const auto& file : request.files) {
        TRY(check_bundle_path(file.path));
        // An old blob that nothing names yet must not be collected while it is being named.
        const auto young = blobs_->refresh(file.sha256);
        if (!young) return context(fmt::format("release: file {}", file.path), young.error());
        const auto blob = blobs_->stat(file.sha256);
        if (!blob) return context(fmt::format("release: file {}", file.path), blob.error());
        sizes.push_back(blob->size);
    }
    TRY(const auto manifest, manifest_of(request, sizes));
    std::string payload = trust::to_json(manifest);
    // What devices will read must pass the reader they use.
    if (const auto readable = trust::manifest_from_json(payload); !readable) {
        return context("release", readable.error());
    }
    TRY(const auto envelope, sign_(std::move(payload)));

    Release release;
    release.id = make_id("r");
    release.triple = {manifest.package, manifest.version, manifest.variant};
    release.kind = manifest.kind;
    release.entry = manifest.entry;
    release.manifest = envelope.digest();
    release.size = manifest.total_bytes();
    release.files = manifest.files;
    release.labels = manifest.labels;
    release.created = clock_->wall();
    const std::string envelope_json = trust::to_json(envelope);
    return database_->write<CreatedRelease>(
        [&](store::Transaction& t) { return store_release(t, request, release, envelope_json); });
}

Result<CreatedRelease> ReleaseService::store_release(store::Transaction& transaction,
                                                     const ReleaseRequest& request, Release release,
                                                     const std::string& envelope_json) {
    CreatedRelease out;
    TRY(auto known, ReleaseStore::find(transaction, release.triple));
    if (known && known->manifest != release.manifest) {
        return fail(Errc::conflict,
                    fmt::format("release {} exists with other content; releases never change, push "
                                "a new version",
                                to_string(release.triple)));
    }
    out.created = !known;
    const auto& triple = release.triple;
    if (!known) {
        TRY(PackageStore::ensure(transaction, triple.package, release.created));
        TRY(ReleaseStore::insert(transaction, release, envelope_json));
        if (events_) {
            TRY(events_(transaction, "release.created",
                        event_json({{"release", release.id},
                                    {"package", triple.package},
                                    {"version", triple.version},
                                    {"variant", triple.variant},
                                    {"size", static_cast<std::int64_t>(release.size)}})));
        }
    }
    const Release& stored = known ? *known : release;
    if (request.channel) {
        TRY(out.channel_moved,
            ChannelStore::point(transaction, *request.channel, stored, clock_->wall()));
        if (out.channel_moved && events_) {
            TRY(events_(transaction, "channel.moved",
                        event_json({{"package", triple.package},
                                    {"channel", *request.channel},
                                    {"version", triple.version},
                                    {"variant", triple.variant}})));
        }
    }
    TRY(out.release, ReleaseStore::get(transaction, stored.id));
    return out;
}

}  // namespace strandline::registry
