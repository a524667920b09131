#include "infer/engine_library.h"

#include <cstdlib>
#include <dlfcn.h>
#include <fmt/format.h>

#ifdef STRANDLINE_ADDRESS_SANITIZER
// ONNX Runtime 1.30 keeps one allocation of 14 bytes that it makes while it is loaded (seen
// 2026-11-21). It is not ours to free, and it must not hide leaks of ours.
extern "C" const char* __lsan_default_suppressions();  // NOLINT
extern "C" const char* __lsan_default_suppressions() {
    return "leak:libonnxruntime.so\n";
}  // NOLINT
#endif

namespace strandline::infer {
namespace {

constexpr const char* library_name = "libonnxruntime.so.1";

std::string last_loader_error() {
    const char* text = dlerror();  // NOLINT(concurrency-mt-unsafe): glibc keeps it per thread
    return text == nullptr ? "unknown reason" : text;
}

}  // namespace

std::vector<std::filesystem::path> library_candidates(const EngineOptions& options) {
    if (!options.library.empty()) return {options.library};
    const char* set = std::getenv("STRANDLINE_ONNXRUNTIME");  // NOLINT(concurrency-mt-unsafe)
    if (set != nullptr && *set != '\0') return {set};
    std::vector<std::filesystem::path> out;
    std::error_code failed;
    const auto program = std::filesystem::read_symlink("/proc/self/exe", failed);
    if (!failed) {
        const auto folder = program.parent_path();
        out.push_back(folder / library_name);
        out.push_back((folder / "../lib" / library_name).lexically_normal());
        out.push_back((folder / "../lib/strandline" / library_name).lexically_normal());
        // A program in build/PRESET/bin uses what setup put under build/onnxruntime.
        out.push_back((folder / "../../onnxruntime/lib" / library_name).lexically_normal());
    }
    out.emplace_back(library_name);
    return out;
}

Result<void*> load_library_symbol(const std::vector<std::filesystem::path>& candidates,
                                  const char* symbol) {
    std::string problems;
    for (const auto& path : candidates) {
        void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (library == nullptr) {
            problems += fmt::format("; {}", last_loader_error());
            continue;
        }
        void* found = dlsym(library, symbol);
        if (found != nullptr) return found;
        problems += fmt::format("; {} has no {}", path.string(), symbol);
        dlclose(library);
    }
    return fail(Errc::unavailable,
                fmt::format("ONNX Runtime was not found, so models cannot run here. Install the "
                            "package strandline-onnxruntime or run './run setup', or set "
                            "STRANDLINE_ONNXRUNTIME to the path of {}{}",
                            library_name, problems));
}

}  // namespace strandline::infer
