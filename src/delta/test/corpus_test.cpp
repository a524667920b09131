#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <iostream>
#include <map>

#include "delta/file/mapped_file.h"
#include "delta/files.h"
#include "delta/test/test_support.h"

namespace strandline::delta {
namespace {

namespace fs = std::filesystem;

// Real model pairs stand outside of the project, beside the samples: see docs of
// STRANDLINE_SAMPLES.
fs::path corpus_folder() {
    if (const char* samples = std::getenv("STRANDLINE_SAMPLES"))
        return fs::path(samples).parent_path() / "corpus/delta";
    return fs::path(STRANDLINE_SOURCE_DIR).parent_path() / "shared/corpus/delta";
}

// Share of the new file that the delta may take at most; the best general-purpose tool (bsdiff,
// xdelta3, zstd --patch-from, HDiffPatch, xz) needs what is given behind.
const std::map<std::string, double>& largest_share() {
    static const std::map<std::string, double> shares{
        {"dtln-h5-40h-500h", 0.850},              // .9114
        {"magika-onnx-v3_2-v3_3", 0.860},         // .9151
        {"silero-onnx-v5", 0.730},                // .7376
        {"rfbmask-pth-320-640", 0.820},           // .8731
        {"yolofastest-darknet", 0.575},           // .9234
        {"fer-h5-epoch100-102", 0.590},           // .7151
        {"rfb-onnx-simplified", 0.610},           // .6152
        {"vww-h5", 0.535},                        // .5501
        {"pose-lite-tflite-fp16", 0.780},         // .8379
        {"toycar-tflite-int8", 0.655},            // .6298
        {"mbv2-tflite-int8-bird-insect", 0.805},  // .7966
        {"vww-tflite-int8", 0.265},               // .2534
        {"mbv2-tflite-int8-reexport", 0.0035},    // .0017
        {"tess-jpn-metadata", 0.0002},            // .0001
    };
    return shares;
}

#ifdef STRANDLINE_ADDRESS_SANITIZER
constexpr std::uintmax_t max_new_bytes = 900'000;
#else
constexpr std::uintmax_t max_new_bytes = UINTMAX_MAX;
#endif

TEST(Corpus, RealModelUpdatesComeBackAndAreSmall) {
    const auto folder = corpus_folder();
    if (!fs::is_directory(folder))
        GTEST_SKIP() << "no model pairs at " << folder << ": real updates are not tested";
    std::size_t tested = 0;
    for (const auto& entry : fs::directory_iterator(folder)) {
        if (!fs::exists(entry.path() / "old") || !fs::exists(entry.path() / "new")) continue;
        const auto name = entry.path().filename().string();
        if (fs::file_size(entry.path() / "new") > max_new_bytes) {
            std::cout << "skipped in this slow build, for its size: " << name << "\n";
            continue;
        }
        const auto old_file = MappedFile::open(entry.path() / "old");
        const auto new_file = MappedFile::open(entry.path() / "new");
        ASSERT_TRUE(old_file && new_file) << name;
        const auto patch = encode(old_file->bytes(), new_file->bytes());
        ASSERT_TRUE(patch) << name << ": " << patch.error().message;
        const auto back = decode(old_file->bytes(), *patch, 4096);
        ASSERT_TRUE(back) << name << ": " << back.error().message;
        EXPECT_TRUE(std::ranges::equal(*back, new_file->bytes())) << name;
        const auto share =
            static_cast<double>(patch->size()) / static_cast<double>(new_file->bytes().size());
        const auto limit = largest_share().find(name);
        if (limit != largest_share().end()) {
            EXPECT_LE(share, limit->second) << name;
        }
        ++tested;
    }
    EXPECT_GT(tested, 0u) << folder;
}

}  // namespace
}  // namespace strandline::delta
