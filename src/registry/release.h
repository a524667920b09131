#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/sha256.h"
#include "trust/manifest.h"

namespace strandline::registry {

/// Names one release. The version is kept in its canonical form ("01" becomes "1.0.0").
struct Triple {
    std::string package;
    std::string version;
    std::string variant = "default";
    friend bool operator==(const Triple&, const Triple&) = default;
};

/// `PACKAGE@VERSION[:VARIANT]`, names checked and the version made canonical.
[[nodiscard]] Result<Triple> parse_triple(std::string_view text);
[[nodiscard]] std::string to_string(const Triple& triple);
/// Checks names and makes the version canonical.
[[nodiscard]] Result<Triple> check_triple(Triple triple);

/// One file of a release to be made; its bytes are a stored blob.
struct FileSpec {
    std::string path;
    Sha256Digest sha256;
    bool executable = false;
};

/// A release to be made.
struct ReleaseRequest {
    std::string package;
    std::string version;
    std::string variant = "default";
    trust::RuntimeKind kind = trust::RuntimeKind::onnx;
    /// Empty: the only file, else for onnx the only `*.onnx` at the top or `model.onnx`.
    std::string entry;
    std::vector<FileSpec> files;
    std::vector<std::string> arguments;
    trust::Requirements requirements;
    std::optional<trust::GoldenSpec> golden;
    std::map<std::string, std::string> labels;
    /// Moved to the new release in the same transaction when set. Deployments that follow the
    /// channel are the caller's business: call fleet::FleetService::on_channel_moved() afterwards,
    /// moved or not.
    std::optional<std::string> channel;
};

struct Release {
    std::string id;  ///< "r-..."
    Triple triple;
    trust::RuntimeKind kind = trust::RuntimeKind::onnx;
    std::string entry;
    Sha256Digest manifest;   ///< digest of the manifest's payload
    std::uint64_t size = 0;  ///< sum of the files
    std::vector<trust::ManifestFile> files;
    std::map<std::string, std::string> labels;
    std::vector<std::string> channels;  ///< that point to it now, sorted
    WallTime created;
};

}  // namespace strandline::registry
