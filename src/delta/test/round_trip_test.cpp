#include <algorithm>
#include <gtest/gtest.h>

#include "delta/info.h"
#include "delta/test/test_support.h"

namespace strandline::delta {
namespace {

TEST(RoundTrip, GivesBackEveryPairInPiecesOfAnySize) {
    for (const auto& pair : sample_pairs()) {
        const auto patch = encode(pair.old_file, pair.new_file);
        ASSERT_TRUE(patch) << pair.name << ": " << patch.error().message;
        for (const std::size_t chunk : {std::size_t{1}, std::size_t{777}, std::size_t{1} << 20}) {
            const auto back = decode(pair.old_file, *patch, chunk);
            ASSERT_TRUE(back) << pair.name << ": " << back.error().message;
            EXPECT_EQ(*back, pair.new_file) << pair.name << " in pieces of " << chunk;
        }
    }
}

TEST(RoundTrip, IsNeverMuchLargerThanTheNewFile) {
    for (const auto& pair : sample_pairs()) {
        const auto patch = encode(pair.old_file, pair.new_file);
        ASSERT_TRUE(patch);
        EXPECT_LE(patch->size(), pair.new_file.size() + 200) << pair.name;
    }
}

TEST(RoundTrip, CostsAlmostNothingWhereFilesAreEqual) {
    struct Case {
        const char* name;
        std::size_t most;
    };
    for (const auto& expected :
         {Case{"identical", 170}, Case{"a byte inserted at the front", 180},
          Case{"a byte removed at the front", 170}, Case{"blocks swapped", 180},
          Case{"all zeros", 170}, Case{"some bytes edited", 260}}) {
        const auto pairs = sample_pairs();
        const auto pair = std::ranges::find(pairs, expected.name, &FilePair::name);
        ASSERT_NE(pair, pairs.end()) << expected.name;
        const auto patch = encode(pair->old_file, pair->new_file);
        ASSERT_TRUE(patch);
        EXPECT_LE(patch->size(), expected.most) << expected.name;
    }
}

TEST(RoundTrip, BeatsByteMatchingOnDenseFineTunesByFar) {
    const Bytes weights = float_weights(150'000, 1);
    const Bytes tuned = fine_tuned(weights, 1e-3, 2);
    const auto patch = encode(weights, tuned);
    ASSERT_TRUE(patch);
    EXPECT_LT(static_cast<double>(patch->size()), 0.64 * static_cast<double>(tuned.size()));
    const auto back = decode(weights, *patch);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(*back, tuned);
}

TEST(RoundTrip, SpansSegmentsAndKeepsWithinASmallMemory) {
    EncodeOptions options;
    options.segment_bytes = 1 << 20;
    options.max_decoder_memory = 512 << 10;
    options.level = 3;
    const Bytes weights = float_weights(300'000, 1);
    const Bytes next = concatenated({random_bytes(1001, 3), fine_tuned(weights, 1e-2, 2), weights});
    const auto patch = encode(weights, next, options);
    ASSERT_TRUE(patch) << patch.error().message;
    const auto info = parse_header(*patch);
    ASSERT_TRUE(info);
    EXPECT_EQ(info->segments(), 3u);
    EXPECT_LE(info->decoder_memory, options.max_decoder_memory);
    ApplyOptions apply;
    apply.limits.max_memory_bytes = 512 << 10;
    const auto back = decode(weights, *patch, 4096, apply);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(*back, next);
}

TEST(Encoder, FallsBackToTheCompressedNewFileWhenTheOldOneDoesNotHelp) {
    // Long repeats far apart: only a window over the whole file sees them.
    const Bytes noise = random_bytes(1'200'000, 1);
    const Bytes next = concatenated({noise, noise});
    MemoryWriter patch;
    const auto stats = make_delta(random_bytes(1000, 2), next, patch);
    ASSERT_TRUE(stats) << stats.error().message;
    EXPECT_TRUE(stats->without_old);
    EXPECT_LT(stats->patch_size, 1'201'000u);
    const auto back = decode(random_bytes(1000, 2), patch.bytes(), 10'007);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(*back, next);
}

TEST(Encoder, SaysWhenTheFullFileIsTheBetterChoice) {
    MemoryWriter patch;
    const auto bad = make_delta(random_bytes(10'000, 1), random_bytes(10'000, 2), patch);
    ASSERT_TRUE(bad);
    EXPECT_TRUE(bad->full_file_is_better);
    const auto good = make_delta(random_bytes(10'000, 1), random_bytes(10'000, 1), patch);
    ASSERT_TRUE(good);
    EXPECT_FALSE(good->full_file_is_better);
}

TEST(Encoder, CanBeCancelledAndReportsProgress) {
    const Bytes weights = float_weights(400'000, 1);
    EncodeOptions options;
    options.segment_bytes = 1 << 20;
    options.level = 1;
    std::uint64_t last = 0;
    options.progress = [&](std::uint64_t done, std::uint64_t total) {
        EXPECT_GT(done, last);
        EXPECT_LE(done, total);
        last = done;
    };
    ASSERT_TRUE(encode(random_bytes(10, 1), weights, options));
    EXPECT_EQ(last, weights.size());

    int asked = 0;
    options.progress = nullptr;
    options.cancelled = [&] { return ++asked > 3; };
    const auto cancelled = encode(random_bytes(10, 1), weights, options);
    ASSERT_FALSE(cancelled);
    EXPECT_EQ(cancelled.error().code, Errc::cancelled);
}

TEST(Encoder, RefusesOptionsOutOfRange) {
    EncodeOptions segment;
    segment.segment_bytes = 1000;
    EncodeOptions level;
    level.level = 23;
    EncodeOptions memory;
    memory.max_decoder_memory = 1000;
    for (const auto& options : {segment, level, memory}) {
        const auto patch = encode({}, {}, options);
        ASSERT_FALSE(patch);
        EXPECT_EQ(patch.error().code, Errc::invalid);
    }
}

TEST(Encoder, MakesTheSameBytesEveryTime) {
    const auto pair = small_mixed_pair();
    EXPECT_EQ(*encode(pair.old_file, pair.new_file), *encode(pair.old_file, pair.new_file));
}

}  // namespace
}  // namespace strandline::delta
