#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/sha256.h"

namespace strandline::cli {

/// A file that goes into a release.
struct BundleFile {
    std::filesystem::path source;
    std::string path;  ///< inside the bundle
    std::uint64_t size = 0;
    Sha256Digest sha256;
    bool executable = false;
};

struct Bundle {
    std::vector<BundleFile> files;
    std::string entry;
    std::string golden;  ///< path of the golden vectors inside the bundle, or empty
};

struct BundleOptions {
    std::filesystem::path source;  ///< a model file or a folder
    std::string golden;            ///< golden.json outside the bundle, or empty
    std::string entry;             ///< path inside the bundle, or empty for the only model
};

/// Collects the files, hashes them and finds entry and golden vectors. A single file `x.onnx`
/// becomes `model.onnx`. Files that golden vectors refer to come along. Symbolic links, sockets and
/// devices are refused.
[[nodiscard]] Result<Bundle> collect_bundle(const BundleOptions& options);

}  // namespace strandline::cli
