// golden.json of a bundle, as the child that tests a model reads it. What is read must be written
// and read again.
#include <cstddef>
#include <cstdint>
#include <fcntl.h>
#include <filesystem>
#include <span>
#include <string>
#include <unistd.h>

#include "base/file.h"
#include "infer/golden.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    namespace infer = strandline::infer;
    static const auto folder = [] {
        const auto path = std::filesystem::temp_directory_path() /
                          ("strandline-golden-" + std::to_string(::getpid()));
        std::filesystem::create_directories(path);
        return path;
    }();
    {
        auto file = strandline::open_file(folder / "golden.json", O_WRONLY | O_CREAT | O_TRUNC);
        STRANDLINE_ASSERT(file.has_value());
        STRANDLINE_ASSERT(
            strandline::write_all(file->get(), std::as_bytes(std::span(data, size))).has_value());
    }
    const auto cases = infer::load_golden(folder, "golden.json");
    if (!cases) return 0;
    const auto written = infer::write_golden(*cases);
    STRANDLINE_ASSERT(!written || !written->empty());
    return 0;
}
