#include "cli/bundle.h"

#include <algorithm>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/ids.h"
#include "cli/document.h"

namespace strandline::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t golden_limit = std::size_t{64} << 20;
constexpr std::string_view golden_name = "golden.json";

Result<BundleFile> describe(const fs::path& source, std::string path) {
    TRY(check_bundle_path(path));
    TRY(const auto fd, open_file(source, O_RDONLY | O_NOFOLLOW));
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) return error_from_errno("stat " + source.string(), errno);
    if (!S_ISREG(status.st_mode))
        return fail(Errc::invalid, source.string() + ": is not a regular file");
    BundleFile file{source, std::move(path), static_cast<std::uint64_t>(status.st_size), {}, false};
    file.executable = (status.st_mode & S_IXUSR) != 0;
    TRY(file.sha256, sha256_of_file(fd.get()));
    return file;
}

Status add_folder(Bundle& bundle, const fs::path& folder) {
    std::error_code error;
    fs::recursive_directory_iterator entries(folder, error);
    for (; !error && entries != fs::recursive_directory_iterator(); entries.increment(error)) {
        if (entries->is_directory() && !entries->is_symlink()) continue;
        TRY(auto file,
            describe(entries->path(), fs::relative(entries->path(), folder).generic_string()));
        bundle.files.push_back(std::move(file));
    }
    if (error)
        return fail(Errc::invalid,
                    fmt::format("read folder {}: {}", folder.string(), error.message()));
    std::sort(bundle.files.begin(), bundle.files.end(),
              [](const BundleFile& a, const BundleFile& b) { return a.path < b.path; });
    return {};
}

bool has_path(const Bundle& bundle, std::string_view path) {
    return std::any_of(bundle.files.begin(), bundle.files.end(),
                       [&](const BundleFile& file) { return file.path == path; });
}

// The golden file and the raw inputs that it names, relative to its own folder.
Status add_golden(Bundle& bundle, const fs::path& golden) {
    TRY(const auto text, read_text_file(golden, golden_limit));
    TRY(const auto document, Document::parse(text, golden.string()));
    TRY(auto main_file, describe(golden, std::string(golden_name)));
    bundle.files.push_back(std::move(main_file));
    for (const auto& one : document.list("cases")) {
        for (const char* side : {"inputs", "outputs"}) {
            for (const auto& tensor : one.list(side)) {
                const std::string name = tensor.text("file");
                if (name.empty() || has_path(bundle, name)) continue;
                TRY(check_bundle_path(name));
                TRY(auto file, describe(golden.parent_path() / name, name));
                bundle.files.push_back(std::move(file));
            }
        }
    }
    bundle.golden = golden_name;
    return {};
}

Result<std::string> find_entry(const Bundle& bundle, const std::string& wanted) {
    if (!wanted.empty()) {
        if (has_path(bundle, wanted)) return wanted;
        return fail(Errc::invalid,
                    fmt::format("--entry \"{}\": no such file in the bundle", wanted));
    }
    std::vector<std::string> models;
    for (const auto& file : bundle.files) {
        if (file.path.ends_with(".onnx")) models.push_back(file.path);
    }
    if (models.size() == 1) return models.front();
    if (has_path(bundle, "model.onnx")) return std::string("model.onnx");
    if (bundle.files.size() == 1) return bundle.files.front().path;
    return fail(Errc::invalid,
                fmt::format("the bundle has {} .onnx files; name the entry with --entry PATH",
                            models.size()));
}

}  // namespace

Result<Bundle> collect_bundle(const BundleOptions& options) {
    Bundle bundle;
    std::error_code error;
    if (fs::is_directory(options.source, error)) {
        TRY(add_folder(bundle, options.source));
        if (has_path(bundle, golden_name)) bundle.golden = golden_name;
        if (bundle.files.empty())
            return fail(Errc::invalid, options.source.string() + ": the folder is empty");
    } else {
        const bool model = options.source.extension() == ".onnx";
        TRY(auto file,
            describe(options.source, model ? "model.onnx" : options.source.filename().string()));
        bundle.files.push_back(std::move(file));
    }
    if (!options.golden.empty()) {
        if (!bundle.golden.empty()) {
            return fail(Errc::conflict,
                        "--golden: the folder already has a golden.json; use one of them");
        }
        TRY(add_golden(bundle, options.golden));
    }
    TRY(bundle.entry, find_entry(bundle, options.entry));
    return bundle;
}

}  // namespace strandline::cli
