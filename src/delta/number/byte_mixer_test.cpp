#include "delta/number/byte_mixer.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>

#include "base/random.h"
#include "delta/coder/mixed_coder.h"
#include "delta/test/test_sample_data.h"

namespace strandline::delta::number {
namespace {

// Rows that resemble the one before, as those of layers that follow a spectrum do.
Bytes quantised(std::size_t columns, std::size_t rows, int centre) {
    SeededRandom random(4);
    std::vector<double> row(columns);
    Bytes out;
    for (std::size_t i = 0; i < columns * rows; ++i) {
        auto& value = row[i % columns];
        value = 0.8 * value + 12 * normal(random);
        out.push_back(static_cast<std::byte>(
            static_cast<int>(std::lround(std::clamp(value, -100.0, 100.0))) + centre));
    }
    return out;
}

TEST(ByteMixer, BytesComeBackWithAndWithoutOldOnes) {
    ByteMixer mixer;
    const Bytes old = random_bytes(3000, 1);
    for (const std::size_t size : {0, 1, 2, 97, 3000}) {
        for (const bool with_old : {false, true}) {
            ByteGrid grid{64, 17, {}};
            if (with_old) grid.old = ByteSpan(old).first(size);
            const auto bytes = random_bytes(size, 2);
            Bytes stream;
            mixer.encode(bytes, grid, stream);
            Bytes back(size);
            ASSERT_TRUE(mixer.decode(stream, grid, back)) << size;
            EXPECT_EQ(back, bytes) << size;
        }
    }
}

TEST(ByteMixer, RowsTellWhatTheNextOneIsLike) {
    const Bytes bytes = quantised(128, 128, 0);
    ByteMixer mixer;
    Bytes stream;
    mixer.encode(bytes, {128, 0, {}}, stream);
    // The noise alone has 5.6 bits a byte, the bytes by themselves 6.4.
    EXPECT_LT(static_cast<double>(stream.size()), 6.1 / 8 * static_cast<double>(bytes.size()));
    Bytes blind;
    mixer.encode(bytes, {1, 0, {}}, blind);
    EXPECT_LT(stream.size(), blind.size());
}

TEST(MixedCoder, HostilePayloadsAreRefused) {
    const Bytes block = quantised(32, 20, 128);
    const Bytes old = random_bytes(block.size(), 3);
    ByteMixer mixer;
    Bytes payload;
    encode_mixed_block(block, {32, 128, old}, mixer, payload);
    Bytes back(block.size());
    ASSERT_TRUE(decode_mixed_block(payload, old, mixer, back));
    EXPECT_EQ(back, block);
    for (std::size_t size = 0; size < payload.size(); size += 7) {
        EXPECT_FALSE(decode_mixed_block(ByteSpan(payload).first(size), old, mixer, back)) << size;
    }
    EXPECT_FALSE(decode_mixed_block(payload, ByteSpan(old).first(9), mixer, back));
    Bytes longer = payload;
    longer.push_back(std::byte{0});
    EXPECT_FALSE(decode_mixed_block(longer, old, mixer, back));
    Bytes columns{std::byte{0}, std::byte{0}};
    EXPECT_FALSE(decode_mixed_block(columns, {}, mixer, back)) << "no columns";
    columns = {std::byte{0xff}, std::byte{0xff}, std::byte{0xff}, std::byte{1}, std::byte{0}};
    EXPECT_FALSE(decode_mixed_block(columns, {}, mixer, back)) << "too many columns";
}

}  // namespace
}  // namespace strandline::delta::number
