#include "delta/format/short_prologue.h"

#include <gtest/gtest.h>

#include "delta/encode/patch_writer.h"
#include "delta/format/crc32c.h"
#include "delta/test/test_support.h"

namespace strandline::delta {
namespace {

Bytes prologue_of(ByteSpan patch) {
    const auto info = parse_header(patch);
    const auto part = patch.first(static_cast<std::size_t>(info->prologue_bytes()));
    return {part.begin(), part.end()};
}

void mend_crc(Bytes& prologue) {
    store_le(crc32c(ByteSpan(prologue).first(prologue.size() - 4)), std::span(prologue).last(4));
}

TEST(ShortPrologue, SmallDeltasHaveOne) {
    const auto pair = small_mixed_pair();
    const auto patch = *encode(pair.old_file, pair.new_file);
    ASSERT_TRUE(has_short_prologue(patch));
    const auto info = read_info(MemoryReader(patch));
    ASSERT_TRUE(info);
    // Half of the digests.
    EXPECT_TRUE(info->is_old(sha256(pair.old_file)));
    EXPECT_TRUE(info->is_new(sha256(pair.new_file)));
    EXPECT_FALSE(info->is_old(sha256(pair.new_file)));
    EXPECT_EQ(info->old_sha256_text(), sha256(pair.old_file).hex().substr(0, 32));
    EXPECT_EQ(info->new_sha256_text(), sha256(pair.new_file).hex().substr(0, 32));
    EXPECT_EQ(info->new_size, pair.new_file.size());
    EXPECT_EQ(info->patch_size, patch.size());
    EXPECT_EQ(info->decoder_memory, required_memory(*info));
    EXPECT_LT(info->prologue_bytes(), 100u);
}

TEST(ShortPrologue, TheLongFormSaysTheSame) {
    const auto pair = small_mixed_pair();
    const auto patch = with_long_prologue(pair, *encode(pair.old_file, pair.new_file));
    for (const std::size_t chunk : {std::size_t{1}, patch.size()})
        EXPECT_EQ(*decode(pair.old_file, patch, chunk), pair.new_file);
    for (std::size_t size = 0; size < patch.size(); ++size) {
        const auto back = decode(pair.old_file, ByteSpan(patch).first(size));
        ASSERT_FALSE(back) << size;
        EXPECT_EQ(back.error().code, Errc::corrupt) << size;
    }
}

TEST(ShortPrologue, FieldsOutOfRangeAreRefused) {
    const auto pair = small_mixed_pair();
    const Bytes good = prologue_of(*encode(pair.old_file, pair.new_file));
    ASSERT_TRUE(parse_short_prologue(good));
    for (std::size_t at = 7; at < good.size() - 4; ++at) {
        for (unsigned value = 0; value < 256; ++value) {
            Bytes bad = good;
            bad[at] = static_cast<std::byte>(value);
            mend_crc(bad);
            const auto parsed = parse_short_prologue(bad);
            if (!parsed) continue;
            EXPECT_LE(parsed->info.new_size, max_file_bytes);
            EXPECT_EQ(parsed->index.size(), parsed->info.segments() * index_entry_bytes);
        }
    }
    for (const unsigned length : {0u, 11u, 8193u, 65535u}) {
        Bytes bad = good;
        store_le(static_cast<std::uint16_t>(length), std::span(bad).subspan(5, 2));
        EXPECT_FALSE(short_prologue_bytes(bad)) << length;
        EXPECT_FALSE(parse_header(bad)) << length;
    }
}

TEST(ShortPrologue, LargeDeltasHaveTheLongForm) {
    DeltaInfo info;
    info.segment_bytes = 1 << 20;
    info.new_size = 2 << 20;
    MemoryWriter patch;
    PatchWriter writer(patch, info.prologue_bytes());
    const Bytes segment = random_bytes(200'000, 3);
    const std::vector<IndexEntry> index{{200'000, 1}, {200'000, 2}};
    ASSERT_TRUE(writer.append(segment));
    ASSERT_TRUE(writer.append(segment));
    info.patch_size = writer.size();
    ASSERT_TRUE(writer.finish(info, index));
    EXPECT_EQ(patch.bytes().size(), info.patch_size);
    EXPECT_FALSE(has_short_prologue(patch.bytes()));
    EXPECT_TRUE(parse_header(patch.bytes()));
    const auto body = ByteSpan(patch.bytes()).last(200'000);
    EXPECT_TRUE(std::ranges::equal(body, segment));
}

TEST(ShortPrologue, TinyDeltasOfManySegmentsHaveLongOnes) {
    const Bytes weights = random_bytes(3u << 20, 9);
    Bytes next = weights;
    next[5] ^= std::byte{1};
    EncodeOptions options;
    options.segment_bytes = 1u << 20;
    const auto patch = *encode(weights, next, options);
    EXPECT_EQ(parse_header(patch)->segments(), 1u);
    EXPECT_LT(patch.size(), 120u);
    EXPECT_EQ(*decode(weights, patch), next);
}

}  // namespace
}  // namespace strandline::delta
