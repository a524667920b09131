#include <fmt/core.h>

#include "base/json.h"
#include "trust/json_fields.h"
#include "trust/manifest.h"

namespace strandline::trust {
namespace {

constexpr std::size_t max_texts = 64;

boost::json::array texts(const std::vector<std::string>& values) {
    boost::json::array out;
    for (const auto& value : values) out.emplace_back(value);
    return out;
}

boost::json::object file_json(const ManifestFile& file) {
    boost::json::object out{
        {"path", file.path}, {"size", json_integer(file.size)}, {"sha256", file.sha256.hex()}};
    if (file.executable) out["executable"] = true;
    return out;
}

boost::json::object requirements_json(const Requirements& requirements) {
    boost::json::object out;
    if (!requirements.arch.empty()) out["arch"] = texts(requirements.arch);
    if (requirements.ram_bytes > 0) out["ram_bytes"] = json_integer(requirements.ram_bytes);
    if (requirements.disk_bytes > 0) out["disk_bytes"] = json_integer(requirements.disk_bytes);
    if (!requirements.accelerator.empty()) out["accelerator"] = requirements.accelerator;
    if (requirements.opset > 0) out["opset"] = requirements.opset;
    return out;
}

Result<ManifestFile> file_of(const boost::json::value& value, std::size_t index) {
    JsonReader in(value, fmt::format("manifest.files[{}]", index));
    ManifestFile file;
    file.path = in.text("path");
    file.size = read_size(in, "size");
    file.sha256 = read_digest(in, "sha256");
    file.executable = in.boolean_or("executable", false);
    TRY(in.finish());
    return file;
}

Result<Requirements> requirements_of(const boost::json::value& value) {
    JsonReader in(value, "manifest.requirements");
    Requirements requirements;
    requirements.arch = read_texts(in, "arch", max_texts);
    requirements.ram_bytes = read_size_or(in, "ram_bytes", 0);
    requirements.disk_bytes = read_size_or(in, "disk_bytes", 0);
    requirements.accelerator = in.text_or("accelerator", "");
    requirements.opset = in.integer_or("opset", 0, 0, 1000);
    TRY(in.finish());
    return requirements;
}

Result<GoldenSpec> golden_of(const boost::json::value& value) {
    JsonReader in(value, "manifest.golden");
    GoldenSpec golden;
    golden.file = in.text("file");
    golden.absolute = in.number_or("absolute", golden.absolute, 0, 1e9);
    golden.relative = in.number_or("relative", golden.relative, 0, 1e9);
    TRY(in.finish());
    return golden;
}

// The lists and objects inside a manifest, once its own fields are good.
Status read_parts(const boost::json::object& object, Manifest& manifest) {
    if (const auto* files = object.if_contains("files"); files != nullptr && files->is_array()) {
        for (const auto& value : files->get_array()) {
            TRY(auto file, file_of(value, manifest.files.size()));
            manifest.files.push_back(std::move(file));
        }
    }
    if (const auto* requirements = object.if_contains("requirements")) {
        TRY(manifest.requirements, requirements_of(*requirements));
    }
    if (const auto* golden = object.if_contains("golden")) {
        TRY(manifest.golden, golden_of(*golden));
    }
    return {};
}

}  // namespace

std::string to_json(const Manifest& manifest) {
    boost::json::array files;
    for (const auto& file : manifest.files) files.push_back(file_json(file));
    boost::json::object out{{"format", 1},
                            {"package", manifest.package},
                            {"version", manifest.version},
                            {"variant", manifest.variant},
                            {"kind", to_string(manifest.kind)},
                            {"entry", manifest.entry},
                            {"files", std::move(files)}};
    if (!manifest.arguments.empty()) out["arguments"] = texts(manifest.arguments);
    auto requirements = requirements_json(manifest.requirements);
    if (!requirements.empty()) out["requirements"] = std::move(requirements);
    if (manifest.golden) {
        out["golden"] = {{"file", manifest.golden->file},
                         {"absolute", json_number(manifest.golden->absolute)},
                         {"relative", json_number(manifest.golden->relative)}};
    }
    if (!manifest.labels.empty()) {
        boost::json::object labels;
        for (const auto& [key, value] : manifest.labels) labels[key] = value;
        out["labels"] = std::move(labels);
    }
    return write_json(out);
}

Result<Manifest> manifest_from_json(std::string_view json) {
    TRY(const auto value,
        parse_json(json, "manifest", {.max_bytes = max_manifest_bytes, .max_depth = 4}));
    JsonReader in(value, "manifest");
    Manifest manifest;
    require_format(in);
    manifest.package = in.text("package");
    manifest.version = in.text("version");
    manifest.variant = in.text_or("variant", manifest.variant);
    const auto kind = runtime_kind_from(in.text("kind"));
    if (!kind) in.reject("kind", "must be onnx, process or container");
    manifest.kind = kind.value_or(RuntimeKind::onnx);
    manifest.entry = in.text("entry");
    if (in.array("files").size() > max_manifest_files) {
        in.reject("files", fmt::format("has more than {} entries", max_manifest_files));
    }
    manifest.arguments = read_texts(in, "arguments", max_texts);
    manifest.labels = read_text_map(in, "labels", max_texts);
    static_cast<void>(in.find("requirements"));
    static_cast<void>(in.find("golden"));
    TRY(in.finish());
    TRY(read_parts(value.get_object(), manifest));
    TRY(check_manifest(manifest));
    return manifest;
}

}  // namespace strandline::trust
