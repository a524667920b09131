#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/sha256.h"

namespace strandline::trust {

enum class RuntimeKind { onnx, process, container };
[[nodiscard]] std::string_view to_string(RuntimeKind kind);
[[nodiscard]] std::optional<RuntimeKind> runtime_kind_from(std::string_view name);

struct ManifestFile {
    std::string path;  ///< inside the bundle, see check_bundle_path()
    std::uint64_t size = 0;
    Sha256Digest sha256;
    bool executable = false;
    friend bool operator==(const ManifestFile&, const ManifestFile&) = default;
};

struct Requirements {
    std::vector<std::string> arch;  ///< any of, as `uname -m`; empty is any
    std::uint64_t ram_bytes = 0;
    std::uint64_t disk_bytes = 0;  ///< beyond the files themselves
    std::string accelerator;       ///< empty is none
    std::int64_t opset = 0;        ///< highest ONNX opset used, 0 unknown
    friend bool operator==(const Requirements&, const Requirements&) = default;
};

/// Golden vectors: a file of the bundle (format in infer/golden.h) and how close an output must be:
/// |a - e| <= absolute + relative * |e|.
struct GoldenSpec {
    std::string file;
    double absolute = 1e-3;
    double relative = 1e-3;
    friend bool operator==(const GoldenSpec&, const GoldenSpec&) = default;
};

/// The immutable description of one release. Its name is the SHA-256 of its exact JSON bytes.
struct Manifest {
    std::string package;
    std::string version;  ///< semantic version, see policy/version.h
    std::string variant = "default";
    RuntimeKind kind = RuntimeKind::onnx;
    std::string entry;  ///< path of the model or executable
    std::vector<ManifestFile> files;
    std::vector<std::string> arguments;  ///< of a process
    Requirements requirements;
    std::optional<GoldenSpec> golden;
    std::map<std::string, std::string> labels;
    friend bool operator==(const Manifest&, const Manifest&) = default;

    [[nodiscard]] std::uint64_t total_bytes() const;
    [[nodiscard]] const ManifestFile* find_file(std::string_view path) const;
};

inline constexpr std::size_t max_manifest_bytes = std::size_t{256} * 1024;
inline constexpr std::size_t max_manifest_files = 1024;

/// Everything that manifest_from_json() checks, for whoever makes one: names, paths, sizes, entry
/// and golden file among the files, counts, UTF-8. The error is `invalid` and names the field.
[[nodiscard]] Status check_manifest(const Manifest& manifest);

[[nodiscard]] std::string to_json(const Manifest& manifest);
/// Strict: unknown fields, duplicate or unsafe paths, a missing entry or golden file, and sizes
/// beyond 2^53 are `invalid`.
[[nodiscard]] Result<Manifest> manifest_from_json(std::string_view json);

}  // namespace strandline::trust
