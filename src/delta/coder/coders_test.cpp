#include "delta/coder/coders.h"

#include <algorithm>
#include <bit>
#include <gtest/gtest.h>
#include <limits>

#include "base/random.h"
#include "delta/coder/lzma_codec.h"
#include "delta/coder/planes_coder.h"
#include "delta/coder/sparse_coder.h"
#include "delta/test/test_support.h"

namespace strandline::delta {
namespace {

Bytes made_by(CoderId coder, ByteSpan payload, ByteSpan reference, std::size_t size) {
    BlockDecoders decoders;
    Bytes out(size);
    Bytes scratch(size);
    const auto status = decoders.find(static_cast<std::uint8_t>(coder))
                            .value()
                            ->decode(payload, reference, out, scratch);
    return status ? out : Bytes{};
}

Bytes with_some_words_changed(Bytes bytes, std::size_t every, std::uint64_t seed) {
    SeededRandom random(seed);
    for (std::size_t at = 0; at < bytes.size(); at += 1 + random.below(2 * every))
        bytes[at] ^= std::byte{0x15};
    return bytes;
}

std::vector<PlaneMode> all_modes() {
    std::vector<PlaneMode> modes;
    for (std::uint8_t word_log = 0; word_log < 4; ++word_log) {
        for (const auto transform :
             {Transform::none, Transform::exclusive, Transform::difference}) {
            for (std::uint8_t skip = 0; skip < 1u << word_log; ++skip)
                modes.push_back({word_log, transform, skip});
        }
    }
    return modes;
}

TEST(PlanesCoder, ComesBackInEveryModeAndSize) {
    const Bytes weights = float_weights(2000, 1);
    const Bytes tuned = fine_tuned(weights, 1e-3, 2);
    ZstdEncoder zstd;
    for (const auto& mode : all_modes()) {
        for (const std::size_t size :
             {std::size_t{1}, std::size_t{7}, std::size_t{8}, std::size_t{7999}}) {
            const auto old = ByteSpan(weights).first(size);
            const Bytes block(tuned.begin(), tuned.begin() + static_cast<std::ptrdiff_t>(size));
            Bytes scratch(size);
            Bytes payload;
            encode_planes(block, old, mode, zstd, scratch, payload);
            const auto reference = mode.transform == Transform::none ? ByteSpan{} : old;
            EXPECT_EQ(made_by(CoderId::planes, payload, reference, size), block)
                << int{mode.word_log} << static_cast<int>(mode.transform) << int{mode.skip} << " "
                << size;
        }
    }
}

TEST(SparseCoder, ComesBackInEveryModeAndDensity) {
    const Bytes old = float_weights(5000, 1);
    ZstdEncoder zstd;
    for (const std::size_t every : {std::size_t{40}, std::size_t{500}, std::size_t{9000}}) {
        const Bytes block = with_some_words_changed(old, every, every);
        for (const auto& mode : all_modes()) {
            if (mode.transform == Transform::none) continue;
            Bytes scratch(block.size());
            Bytes payload;
            ASSERT_TRUE(encode_sparse(block, old, mode, zstd, scratch, payload));
            EXPECT_LT(payload.size(), block.size() / 4);
            EXPECT_EQ(made_by(CoderId::sparse, payload, old, block.size()), block)
                << every << " " << int{mode.word_log} << static_cast<int>(mode.transform)
                << int{mode.skip};
        }
    }
}

TEST(SparseCoder, LeavesDenseBlocksToOthers) {
    const Bytes old = float_weights(5000, 1);
    const Bytes block = fine_tuned(old, 1e-3, 2);
    ZstdEncoder zstd;
    Bytes scratch(block.size());
    Bytes payload;
    EXPECT_FALSE(encode_sparse(block, old, {2, Transform::difference, 0}, zstd, scratch, payload));
    EXPECT_TRUE(payload.empty());
}

TEST(LzmaCoder, ComesBackWithEveryModelAndPrefix) {
    const Bytes old = float_weights(2000, 1);
    const Bytes block = with_some_words_changed(old, 300, 3);
    for (const auto& model : {LzmaModel{3, 0, 2}, LzmaModel{0, 2, 2}, LzmaModel{4, 0, 0}}) {
        for (const auto& prefix : {ByteSpan(old), ByteSpan()}) {
            const auto payload = lzma_encode(block, prefix, model, 2 * block.size());
            EXPECT_EQ(made_by(CoderId::lzma, payload, prefix, block.size()), block);
        }
    }
    EXPECT_TRUE(lzma_encode(block, {}, {}, 100).empty()) << "too small a limit";
}

// Whatever a payload says, a decoder stays within its buffers (the sanitizers watch) and reports
// it.
TEST(Coders, SurviveAnyDamageToTheirPayload) {
    const Bytes old = float_weights(300, 1);
    const Bytes tuned = fine_tuned(old, 1e-3, 2);
    const Bytes edited = with_some_words_changed(old, 60, 3);
    ZstdEncoder zstd;
    Bytes scratch(old.size());
    std::vector<std::pair<CoderId, Bytes>> payloads{
        {CoderId::planes, {}}, {CoderId::sparse, {}}, {CoderId::lz, {}}, {CoderId::lzma, {}}};
    encode_planes(tuned, old, {2, Transform::difference, 1}, zstd, scratch, payloads[0].second);
    ASSERT_TRUE(encode_sparse(edited, old, {2, Transform::exclusive, 0}, zstd, scratch,
                              payloads[1].second));
    const auto frame = zstd.encode(edited, old, 3, edited.size());
    payloads[2].second.assign(frame.begin(), frame.end());
    payloads[3].second = lzma_encode(edited, old, {}, edited.size());

    BlockDecoders decoders;
    Bytes out(old.size());
    for (auto& [coder, payload] : payloads) {
        auto* decoder = decoders.find(static_cast<std::uint8_t>(coder)).value();
        ASSERT_TRUE(decoder->decode(payload, old, out, scratch));
        for (std::size_t size = 0; size < payload.size(); ++size) {
            EXPECT_FALSE(decoder->decode(ByteSpan(payload).first(size), old, out, scratch)) << size;
        }
        for (std::size_t at = 0; at < payload.size(); ++at) {
            for (unsigned value = 1; value < 256; value += 6) {
                payload[at] ^= static_cast<std::byte>(value);
                ignore(decoder->decode(payload, old, out, scratch),
                       "damage within data may pass here; the CRC sees it");
                payload[at] ^= static_cast<std::byte>(value);
            }
        }
        EXPECT_FALSE(decoder->decode(payload, {}, out, scratch)) << "without the old bytes";
    }
}

// A block of fp32 numbers with a prediction and no streams.
Bytes exact_block(ByteSpan prediction) {
    Bytes payload(2 + prediction.size());
    payload[0] = std::byte{0x81};
    payload[1] = std::byte{4};
    std::ranges::copy(prediction, payload.begin() + 2);
    return payload;
}

TEST(NumbersCoder, RefusesFoldingsThatDoNotFit) {
    constexpr std::size_t count = 6;
    // Two channels, three numbers each; gamma and variance behind the block's old bytes.
    const Bytes reference = float_weights(count + 4, 1);
    const auto fold = [](unsigned flags, float epsilon, unsigned channels, unsigned first) {
        Bytes bytes{std::byte{4}, std::byte{3}, std::byte{0}, static_cast<std::byte>(flags)};
        append_le(bytes, std::bit_cast<std::uint32_t>(epsilon));
        bytes.push_back(static_cast<std::byte>(channels));
        bytes.push_back(static_cast<std::byte>(first));
        return exact_block(bytes);
    };
    const auto made = [&](const Bytes& payload, ByteSpan old) {
        return !made_by(CoderId::numbers, payload, old, 4 * count).empty();
    };
    ASSERT_TRUE(made(fold(0, 1.0F, 2, 0), reference));
    EXPECT_FALSE(made(fold(8, 1.0F, 2, 0), reference)) << "unknown flag";
    EXPECT_FALSE(made(fold(4, 1.0F, 2, 0), reference)) << "weights have no bias";
    EXPECT_FALSE(made(fold(0, std::numeric_limits<float>::infinity(), 2, 0), reference));
    EXPECT_FALSE(made(fold(0, 1.0F, 2, 2), reference)) << "first is no channel";
    EXPECT_FALSE(made(fold(0, 1.0F, 0, 0), reference)) << "no channels";
    EXPECT_FALSE(made(fold(0, 1.0F, 1, 0), reference)) << "too many arrays";
    EXPECT_FALSE(made(fold(2, 1.0F, 2, 0), reference)) << "biases need the mean";
    EXPECT_FALSE(made(fold(0, 1.0F, 2, 0), ByteSpan(reference).first(4 * count)));
    EXPECT_FALSE(made(fold(0, 1.0F, 2, 0), {}));
    Bytes longer = fold(0, 1.0F, 2, 0);
    longer.push_back(std::byte{0});
    EXPECT_FALSE(made(longer, reference)) << "exact numbers have no streams";
    Bytes plain = fold(0, 1.0F, 2, 0);
    plain[0] = std::byte{1};
    EXPECT_FALSE(made(plain, ByteSpan(reference).first(4 * count))) << "exact without prediction";
    Bytes halves = fold(0, 1.0F, 2, 0);
    halves[0] = std::byte{0x82};
    EXPECT_FALSE(made(halves, reference)) << "fp32 only";
}

TEST(NumbersCoder, RefusesColumnsThatDoNotFit) {
    const Bytes old = float_weights(60, 1);
    const Bytes tuned = fine_tuned(old, 1e-3, 2);
    number::NumberModel model;
    number::SymbolWriter writer;
    NumberMode mode{ElementType::f32, number::Method::absolute, 0, 0, false};
    mode.columns = 20;
    mode.column = 7;
    Bytes payload;
    encode_numbers_block(tuned, old, mode, {}, {model, model, writer}, payload);
    EXPECT_EQ(made_by(CoderId::numbers, payload, old, tuned.size()), tuned);
    // Behind type and method: 2 x columns and the first column, of a byte each.
    const auto refused = [&](std::size_t at, unsigned value) {
        Bytes changed = payload;
        changed[at] = static_cast<std::byte>(value);
        return made_by(CoderId::numbers, changed, old, tuned.size()).empty();
    };
    EXPECT_TRUE(refused(2, 0)) << "no columns";
    EXPECT_TRUE(refused(3, 20)) << "no such column";
    EXPECT_TRUE(refused(0, 0x05)) << "integers";
    EXPECT_TRUE(refused(1, 8 | 3)) << "sparse";
    BlockDecoders small(feature_numbers);
    Bytes out(tuned.size());
    Bytes scratch(tuned.size());
    EXPECT_FALSE(small.find(4).value()->decode(payload, old, out, scratch)) << "not declared";
}

}  // namespace
}  // namespace strandline::delta
