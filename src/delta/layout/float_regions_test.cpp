#include "delta/layout/float_regions.h"

#include <algorithm>
#include <bit>
#include <gtest/gtest.h>
#include <string>

#include "delta/test/test_sample_data.h"

namespace strandline::delta {
namespace {

Bytes narrowed(ByteSpan floats) {
    Bytes out;
    for (std::size_t i = 0; i < floats.size(); i += 4) {
        append_le(out, load_le<std::uint16_t>(floats.subspan(i + 2, 2)));
    }
    return out;
}

Bytes widened(ByteSpan floats) {
    Bytes out;
    SeededRandom random(5);
    for (std::size_t i = 0; i < floats.size(); i += 4) {
        const auto value = std::bit_cast<float>(load_le<std::uint32_t>(floats.subspan(i, 4)));
        append_le(out, std::bit_cast<std::uint64_t>(value * (1 + 1e-9 * random.uniform())));
    }
    return out;
}

/// fp16 of numbers between 2^-14 and 2^15; the last bits are cut off.
Bytes halved(ByteSpan floats) {
    Bytes out;
    for (std::size_t i = 0; i < floats.size(); i += 4) {
        const auto bits = load_le<std::uint32_t>(floats.subspan(i, 4));
        const int exponent = static_cast<int>((bits >> 23) & 255) - 112;
        const auto magnitude =
            exponent <= 0 ? 0U : static_cast<unsigned>(exponent) << 10 | ((bits >> 13) & 1023);
        append_le(out, static_cast<std::uint16_t>((bits >> 16 & 0x8000) | magnitude));
    }
    return out;
}

Bytes text(std::size_t size) {
    Bytes out(size);
    constexpr std::string_view words = "{\"layers\": [0.1234, 17, \"conv2d_13\"], 00110: '%&/()'} ";
    for (std::size_t i = 0; i < size; ++i) {
        out[i] = static_cast<std::byte>(words[(i + i / 1000) % words.size()]);
    }
    return out;
}

struct Kind {
    ElementType type;
    Bytes weights;
};

TEST(FloatRegions, FindWeightsOfEveryTypeAtEveryPhase) {
    const auto floats = float_weights(20000, 1);
    for (const auto& [type, weights] :
         {Kind{ElementType::f32, floats}, Kind{ElementType::bf16, narrowed(floats)},
          Kind{ElementType::f16, halved(floats)}, Kind{ElementType::f64, widened(floats)}}) {
        for (std::size_t before = 3000; before < 3008; ++before) {
            auto file = text(before);
            file.insert(file.end(), weights.begin(), weights.end());
            const auto rest = text(3000);
            file.insert(file.end(), rest.begin(), rest.end());
            const auto regions = find_float_regions(file);
            ASSERT_EQ(regions.size(), 1U) << static_cast<int>(type) << " at " << before;
            EXPECT_EQ(regions[0].type, type);
            // A word of text may pass for a number, and a tiny number for none.
            EXPECT_LE(before - std::min<std::uint64_t>(before, regions[0].offset), 16U);
            EXPECT_NEAR(static_cast<double>(regions[0].offset), static_cast<double>(before), 64);
            EXPECT_EQ((regions[0].offset - before) % element_size(type), 0U);
            EXPECT_NEAR(static_cast<double>(regions[0].bytes), static_cast<double>(weights.size()),
                        128);
        }
    }
}

TEST(FloatRegions, JoinOverZerosAndSmallTables) {
    auto file = float_weights(2000, 1);
    file.resize(file.size() + 10000);
    const auto more = float_weights(2000, 2);
    file.insert(file.end(), more.begin(), more.end());
    const auto regions = find_float_regions(file);
    ASSERT_EQ(regions.size(), 1U);
    EXPECT_EQ(regions[0].bytes, file.size());
}

TEST(FloatRegions, AreNotInOtherBytes) {
    EXPECT_TRUE(find_float_regions(text(50000)).empty());
    EXPECT_TRUE(find_float_regions(random_bytes(50000, 1)).empty());
    EXPECT_TRUE(find_float_regions(Bytes(50000)).empty());
    Bytes small_integers(50000);
    Bytes quantised(50000);
    SeededRandom random(1);
    for (std::size_t i = 0; i < 50000; ++i) {
        if (i % 4 == 0) small_integers[i] = static_cast<std::byte>(random.below(256));
        const auto sum = random.below(64) + random.below(64);
        quantised[i] = static_cast<std::byte>(static_cast<int>(sum) - 64);
    }
    EXPECT_TRUE(find_float_regions(small_integers).empty());
    EXPECT_TRUE(find_float_regions(quantised).empty());
}

/// Four blocks of weights, then three of one number, and so on: to each weight's exponent belongs
/// all of it, so that the first region goes on to the end.
Bytes weights_between_constants(std::size_t size) {
    SeededRandom random(3);
    Bytes out;
    while (out.size() < size) {
        for (int i = 0; i < 512; ++i) {
            const double weight = 0.02 + 0.18 * random.uniform();
            append_le(out, std::bit_cast<std::uint32_t>(
                               static_cast<float>(random.below(2) == 0 ? weight : -weight)));
        }
        for (int i = 0; i < 384; ++i) append_le(out, std::bit_cast<std::uint32_t>(0.0625F));
    }
    return out;
}

TEST(FloatRegions, GoOverEachByteOnlyAFewTimes) {
    const Bytes file = weights_between_constants(1u << 20);
    std::uint64_t looked_at = 0;
    WorkMeter meter([&](std::uint64_t bytes) {
        looked_at = bytes;
        return true;
    });
    const auto regions = find_float_regions(file, meter);
    ASSERT_EQ(regions.size(), 1U);
    EXPECT_EQ(regions[0].bytes, file.size());
    EXPECT_GT(looked_at, file.size() / 2);
    EXPECT_LE(looked_at, 2 * file.size());
}

TEST(FloatRegions, AreClaimedInPieces) {
    Collector tensors(10'000'000);
    add_in_pieces({ElementType::f32, 100, 3 * region_piece_bytes + 400}, tensors);
    const auto pieces = tensors.take();
    ASSERT_EQ(pieces.size(), 4U);
    EXPECT_EQ(pieces[1].offset, 100 + region_piece_bytes);
    EXPECT_EQ(pieces[3].shape, (std::vector<std::uint64_t>{100}));
}

}  // namespace
}  // namespace strandline::delta
