#include <algorithm>
#include <cstring>
#include <gtest/gtest.h>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "delta/apply.h"
#include "delta/encode.h"
#include "delta/info.h"
#include "delta/test/test_sample_data.h"
#include "delta/test/test_support.h"

namespace strandline::delta {
namespace {

// Lines of which some have another number.
void write_lines(std::span<std::byte> out, int step) {
    std::string text;
    for (int line = 0; text.size() < out.size(); ++line) {
        const int value = line % 9 == 0 ? line * step : line;
        text += "layer." + std::to_string(line) + ".offset = " + std::to_string(value) + "\n";
    }
    std::memcpy(out.data(), text.data(), out.size());
}

// Nine segments: weights that changed, stayed and moved, and two of text.
struct Files {
    Bytes old_file;
    Bytes new_file;
};
Files sample_files() {
    Files files;
    files.old_file = float_weights(std::size_t{9} << 18, 3);
    files.new_file = fine_tuned(files.old_file, 1e-3, 4);
    const auto same = ByteSpan(files.old_file).subspan(std::size_t{2} << 20, std::size_t{3} << 20);
    std::ranges::copy(same, files.new_file.begin() + (std::ptrdiff_t{5} << 20));
    constexpr std::size_t text_bytes = std::size_t{3} << 19;
    write_lines(std::span(files.old_file).last(text_bytes), 3);
    write_lines(std::span(files.new_file).last(text_bytes), 7);
    return files;
}

EncodeOptions small_segments(unsigned threads) {
    EncodeOptions options;
    options.segment_bytes = 1u << 20;
    options.level = 3;
    options.threads = threads;
    return options;
}

Bytes delta_of(const Files& files, const EncodeOptions& options) {
    MemoryWriter patch;
    EXPECT_TRUE(make_delta(files.old_file, files.new_file, patch, options));
    return patch.take();
}

TEST(Threads, AnyNumberGivesTheSameDelta) {
    const auto files = sample_files();
    const auto alone = delta_of(files, small_segments(1));
    const auto info = parse_header(alone);
    ASSERT_TRUE(info);
    EXPECT_NE(info->features & feature_scripts, 0);
    for (const unsigned threads : {2, 3, 16}) {
        EXPECT_EQ(delta_of(files, small_segments(threads)), alone) << threads;
    }
    MemoryWriter output;
    const MemoryReader old_file(files.old_file);
    Applier applier(old_file, output);
    ASSERT_TRUE(applier.push(alone));
    ASSERT_TRUE(applier.finish());
    EXPECT_EQ(output.bytes(), files.new_file);
}

TEST(Threads, ProgressComesInOrderOnTheCallersThread) {
    const auto files = sample_files();
    auto options = small_segments(3);
    std::vector<std::uint64_t> ends;
    const auto caller = std::this_thread::get_id();
    options.progress = [&](std::uint64_t end, std::uint64_t size) {
        EXPECT_EQ(std::this_thread::get_id(), caller);
        EXPECT_EQ(size, files.new_file.size());
        ends.push_back(end);
    };
    delta_of(files, options);
    ASSERT_GE(ends.size(), 9u);
    EXPECT_TRUE(std::ranges::is_sorted(ends));
    EXPECT_EQ(ends.back(), files.new_file.size());
}

TEST(Threads, StopWhenTheCallerWantsNoMore) {
    const auto files = sample_files();
    auto options = small_segments(2);
    bool enough = false;
    options.progress = [&](std::uint64_t, std::uint64_t) { enough = true; };
    options.cancelled = [&] { return enough; };
    MemoryWriter patch;
    const auto result = make_delta(files.old_file, files.new_file, patch, options);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Errc::cancelled);
}

TEST(Threads, NoneOrTooManyAreRefused) {
    MemoryWriter patch;
    for (const unsigned threads : {0u, 65u}) {
        const auto result = make_delta({}, {}, patch, small_segments(threads));
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().code, Errc::invalid);
    }
}

}  // namespace
}  // namespace strandline::delta
