#include "trust/manifest.h"

#include <algorithm>
#include <cmath>
#include <fmt/core.h>
#include <set>

#include "base/ids.h"
#include "base/utf8.h"

namespace strandline::trust {
namespace {

constexpr std::uint64_t max_size = std::uint64_t{1} << 53;
constexpr std::size_t max_version = 64;
constexpr std::size_t max_texts = 64;
constexpr std::size_t max_argument = 4096;
constexpr std::size_t max_label = 256;

Error bad(std::string_view what, std::string_view problem) {
    return fail(Errc::invalid, fmt::format("manifest.{} {}", what, problem));
}

// Characters only; the order of versions is policy's.
bool is_version(std::string_view text) {
    const auto alphanumeric = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    };
    return !text.empty() && text.size() <= max_version && alphanumeric(text.front()) &&
           text.find("..") == std::string_view::npos &&
           std::all_of(text.begin(), text.end(), [&](char c) {
               return alphanumeric(c) || c == '.' || c == '+' || c == '-' || c == '_';
           });
}

// A path that is a file cannot be the folder of another one.
bool has_file_as_folder(const std::set<std::string_view>& paths, std::string_view path) {
    for (auto slash = path.find('/'); slash != std::string_view::npos;
         slash = path.find('/', slash + 1)) {
        if (paths.contains(path.substr(0, slash))) return true;
    }
    return false;
}

Status check_files(const Manifest& manifest) {
    if (manifest.files.empty()) return bad("files", "is empty; a release has at least one file");
    if (manifest.files.size() > max_manifest_files) {
        return bad("files", fmt::format("has {} entries, at most {} are accepted",
                                        manifest.files.size(), max_manifest_files));
    }
    std::set<std::string_view> paths;
    for (const auto& file : manifest.files) {
        if (const auto good = check_bundle_path(file.path); !good)
            return context("manifest.files", good.error());
        if (file.size > max_size)
            return bad("files", fmt::format("has a size beyond 2^53 (path \"{}\")", file.path));
        if (!paths.insert(file.path).second) {
            return bad("files", fmt::format("has the path \"{}\" twice", file.path));
        }
    }
    for (const auto path : paths) {
        if (has_file_as_folder(paths, path)) {
            return bad("files", fmt::format("has \"{}\", of which a folder is also a file", path));
        }
    }
    return {};
}

Status check_requirements(const Requirements& requirements) {
    if (requirements.arch.size() > max_texts)
        return bad("requirements.arch", "has too many entries");
    for (const auto& arch : requirements.arch) TRY(check_name("manifest.requirements.arch", arch));
    if (!requirements.accelerator.empty()) {
        TRY(check_name("manifest.requirements.accelerator", requirements.accelerator));
    }
    if (requirements.ram_bytes > max_size || requirements.disk_bytes > max_size) {
        return bad("requirements", "has a size beyond 2^53");
    }
    if (requirements.opset < 0 || requirements.opset > 1000)
        return bad("requirements.opset", "must be from 0 to 1000");
    return {};
}

Status check_golden(const Manifest& manifest) {
    if (!manifest.golden) return {};
    if (manifest.find_file(manifest.golden->file) == nullptr) {
        return bad("golden.file",
                   fmt::format("\"{}\" is not among the files", manifest.golden->file));
    }
    const auto tolerable = [](double value) {
        return std::isfinite(value) && value >= 0 && value <= 1e9;
    };
    if (!tolerable(manifest.golden->absolute) || !tolerable(manifest.golden->relative)) {
        return bad("golden", "has a tolerance outside 0 to 1e9");
    }
    return {};
}

Status check_texts(const Manifest& manifest) {
    if (manifest.arguments.size() > max_texts) return bad("arguments", "has too many entries");
    for (const auto& argument : manifest.arguments) {
        if (argument.size() > max_argument || !is_plain_text(argument)) {
            return bad("arguments", "has an entry that is too long or has control characters");
        }
    }
    if (manifest.labels.size() > max_texts) return bad("labels", "has too many entries");
    for (const auto& [key, value] : manifest.labels) {
        TRY(check_name("manifest.labels", key));
        if (value.size() > max_label || !is_plain_text(value)) {
            return bad(
                "labels",
                fmt::format("has a value of \"{}\" that is too long or has control characters",
                            key));
        }
    }
    return {};
}

}  // namespace

std::string_view to_string(RuntimeKind kind) {
    switch (kind) {
        case RuntimeKind::onnx:
            return "onnx";
        case RuntimeKind::process:
            return "process";
        case RuntimeKind::container:
            return "container";
    }
    return "onnx";
}

std::optional<RuntimeKind> runtime_kind_from(std::string_view name) {
    for (const auto kind : {RuntimeKind::onnx, RuntimeKind::process, RuntimeKind::container}) {
        if (name == to_string(kind)) return kind;
    }
    return std::nullopt;
}

std::uint64_t Manifest::total_bytes() const {
    std::uint64_t total = 0;
    for (const auto& file : files) total += file.size;
    return total;
}

const ManifestFile* Manifest::find_file(std::string_view path) const {
    const auto found = std::find_if(files.begin(), files.end(),
                                    [&](const auto& file) { return file.path == path; });
    return found == files.end() ? nullptr : &*found;
}

Status check_manifest(const Manifest& manifest) {
    TRY(check_name("manifest.package", manifest.package));
    TRY(check_name("manifest.variant", manifest.variant));
    if (!is_version(manifest.version)) {
        return bad(
            "version",
            "must be 1 to 64 characters of a-z A-Z 0-9 . + - _ and start with a letter or digit");
    }
    TRY(check_files(manifest));
    if (manifest.find_file(manifest.entry) == nullptr) {
        return bad("entry",
                   fmt::format("\"{}\" is not among the files", clean_text(manifest.entry, 255)));
    }
    TRY(check_requirements(manifest.requirements));
    TRY(check_golden(manifest));
    return check_texts(manifest);
}

}  // namespace strandline::trust
