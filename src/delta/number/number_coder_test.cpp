#include "delta/number/number_coder.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <gtest/gtest.h>
#include <memory>

#include "base/random.h"
#include "delta/number/rescaled_coder.h"
#include "delta/test/test_sample_data.h"

namespace strandline::delta::number {
namespace {

constexpr std::array all_types{ElementType::f64,  ElementType::f32, ElementType::f16,
                               ElementType::bf16, ElementType::i64, ElementType::i32,
                               ElementType::i16,  ElementType::i8};
constexpr std::array all_methods{Method::absolute, Method::relative, Method::direct};

Bytes coded(ElementType type, Method method, ByteSpan next, ByteSpan old, Speed speed) {
    const auto model = std::make_unique<NumberModel>();
    SymbolWriter writer;
    Bytes out;
    encode_numbers({type, method, {}, speed}, next, old, *model, writer, out);
    return out;
}

Status decode_into(ElementType type, Method method, ByteSpan streams, ByteSpan old, Bytes& out,
                   Speed speed = Speed::best) {
    const auto model = std::make_unique<NumberModel>();
    return decode_numbers({type, method, {}, speed}, streams, old, *model, out);
}

// Numbers that differ a little, much, not at all, and by all bits.
struct Sample {
    Bytes next;
    Bytes old;
};
Sample mixed_sample(std::size_t size, std::uint64_t seed) {
    SeededRandom random(seed);
    Sample sample{random_bytes(size, seed), {}};
    sample.old = sample.next;
    for (auto& byte : sample.old) {
        const auto what = random.below(8);
        if (what == 0) byte = static_cast<std::byte>(random.below(256));
        if (what == 1) byte ^= std::byte{1};
    }
    return sample;
}

TEST(NumberCoder, EveryKindComesBackWithEveryMethodAndLength) {
    for (const auto type : all_types) {
        for (const auto method : all_methods) {
            for (const std::size_t count : {0, 1, 2, 3, 47, 48, 49, 1001}) {
                const auto sample = mixed_sample(count * element_size(type), 7 + count);
                for (const bool with_old : {true, false}) {
                    const ByteSpan old = with_old ? ByteSpan(sample.old) : ByteSpan();
                    const auto streams = coded(type, method, sample.next, old, Speed::best);
                    Bytes back(sample.next.size());
                    ASSERT_TRUE(decode_into(type, method, streams, old, back));
                    EXPECT_EQ(back, sample.next) << static_cast<int>(type) << ' '
                                                 << static_cast<int>(method) << ' ' << count;
                }
            }
        }
    }
}

constexpr std::array other_speeds{Speed::baseline, Speed::portable};

// Their size and the scale of what they replace are together more than a start can say.
TEST(NumberCoder, TheLargestOldNumbersLeaveAStartThatIsStored) {
    Bytes ones(8 * 600, std::byte{0xff});
    Bytes infinite;
    for (int i = 0; i < 600; ++i) append_le(infinite, std::uint64_t{0xfff0} << 48);
    const Bytes zeros(ones.size());
    Bytes finite;
    for (int i = 0; i < 600; ++i) append_le(finite, std::bit_cast<std::uint64_t>(0.01 * i));
    for (const auto& old : {ones, infinite}) {
        for (const auto& next : {zeros, finite}) {
            for (const auto method : all_methods) {
                for (const auto speed : {Speed::best, Speed::baseline, Speed::portable}) {
                    const auto streams = coded(ElementType::f64, method, next, old, speed);
                    EXPECT_EQ(streams, coded(ElementType::f64, method, next, old, Speed::best));
                    Bytes back(next.size());
                    ASSERT_TRUE(decode_into(ElementType::f64, method, streams, old, back, speed));
                    EXPECT_EQ(back, next);
                }
            }
        }
    }
}

// All of them write what the best one writes, and read it.
void expect_same(ElementType type, Method method, ByteSpan next, ByteSpan old) {
    const auto fast = coded(type, method, next, old, Speed::best);
    Bytes back(next.size());
    ASSERT_TRUE(decode_into(type, method, fast, old, back));
    EXPECT_TRUE(std::ranges::equal(back, next));
    for (const auto speed : other_speeds) {
        EXPECT_EQ(fast, coded(type, method, next, old, speed))
            << static_cast<int>(type) << ' ' << static_cast<int>(method);
        std::ranges::fill(back, std::byte{0});
        ASSERT_TRUE(decode_into(type, method, fast, old, back, speed));
        EXPECT_TRUE(std::ranges::equal(back, next));
    }
}

TEST(NumberCoder, EveryKindOfCodeGivesTheSameBytes) {
    const auto weights = float_weights(6000, 3);
    for (const double noise : {1e-6, 1e-3, 1.0}) {
        const auto tuned = fine_tuned(weights, noise, 4);
        for (const auto type : all_types) {
            for (const auto method : all_methods) expect_same(type, method, tuned, weights);
        }
    }
    const auto mixed = mixed_sample(8 * 1501, 17);
    for (const auto type : all_types) {
        for (const auto method : all_methods) {
            expect_same(type, method, mixed.next, mixed.old);
            expect_same(type, method, mixed.next, {});
        }
    }
}

TEST(NumberCoder, EveryKindOfCodeThinksTheSameOfDamage) {
    const auto sample = mixed_sample(8 * 700, 11);
    SeededRandom random(21);
    for (const auto type : all_types) {
        for (const auto method : all_methods) {
            const auto streams = coded(type, method, sample.next, sample.old, Speed::best);
            for (int round = 0; round < 20; ++round) {
                Bytes damaged = streams;
                damaged[random.below(damaged.size())] ^=
                    static_cast<std::byte>(1 + random.below(255));
                Bytes back(sample.next.size());
                const bool good = decode_into(type, method, damaged, sample.old, back).has_value();
                for (const auto speed : other_speeds) {
                    Bytes other(sample.next.size());
                    EXPECT_EQ(
                        decode_into(type, method, damaged, sample.old, other, speed).has_value(),
                        good);
                    EXPECT_EQ(back, other);
                }
            }
        }
    }
}

TEST(NumberCoder, FineTunedWeightsTakeLittleMoreThanTheirNoise) {
    const auto weights = float_weights(200000, 3);
    const auto tuned = fine_tuned(weights, 1e-3, 4);
    const auto streams = coded(ElementType::f32, Method::absolute, tuned, weights, Speed::best);
    // The entropy of the noise on its grid is about 0.546 of the size.
    EXPECT_LT(static_cast<double>(streams.size()), 0.556 * static_cast<double>(tuned.size()));
}

TEST(NumberCoder, DamagedStreamsAreRefusedOrGiveNumbers) {
    const auto sample = mixed_sample(4000, 11);
    SeededRandom random(12);
    for (const auto type : {ElementType::f32, ElementType::bf16, ElementType::f64}) {
        for (const auto method : all_methods) {
            const auto streams = coded(type, method, sample.next, sample.old, Speed::best);
            for (int round = 0; round < 200; ++round) {
                Bytes damaged = streams;
                damaged[random.below(damaged.size())] ^=
                    static_cast<std::byte>(1 + random.below(255));
                if (round % 4 == 0) damaged.resize(random.below(damaged.size()));
                Bytes back(sample.next.size());
                if (!decode_into(type, method, damaged, sample.old, back)) continue;
                EXPECT_EQ(back.size(), sample.next.size());
            }
        }
    }
}

TEST(NumberCoder, CutStreamsAreRefused) {
    const auto sample = mixed_sample(4000, 11);
    const auto streams =
        coded(ElementType::f32, Method::absolute, sample.next, sample.old, Speed::best);
    for (std::size_t length = 0; length < streams.size(); length += 13) {
        Bytes back(sample.next.size());
        EXPECT_FALSE(decode_into(ElementType::f32, Method::absolute,
                                 ByteSpan(streams).first(length), sample.old, back))
            << length;
    }
}

// Weights whose columns, or rows, have sizes far apart.
Bytes uneven_weights(std::size_t columns, std::size_t count, bool by_rows) {
    Bytes out = float_weights(count, 8);
    for (std::size_t i = 0; i < count; ++i) {
        const auto at = std::span(out).subspan(4 * i, 4);
        const auto line = by_rows ? i / columns : i % columns;
        const float value = std::bit_cast<float>(load_le<std::uint32_t>(at));
        store_le(std::bit_cast<std::uint32_t>(std::ldexp(value, -static_cast<int>(line * 7 % 11))),
                 at);
    }
    return out;
}

TEST(NumberCoder, ColumnsAndRowsThatAreToldApartComeBackSmaller) {
    constexpr std::size_t columns = 96;
    constexpr std::size_t phase = 11;
    for (const bool rows : {false, true}) {
        const auto all = uneven_weights(columns, 6001 + phase, rows);
        const auto weights = ByteSpan(all).subspan(4 * phase);
        const auto tuned = fine_tuned(weights, 1e-3, 4);
        for (const auto method : all_methods) {
            const auto code = [&](Speed speed, std::size_t count) {
                const auto model = std::make_unique<NumberModel>();
                SymbolWriter writer;
                Bytes out;
                std::vector<std::int16_t> offsets(count);
                encode_numbers(
                    {ElementType::f32, method, {offsets, count == 0 ? 0 : phase, rows}, speed},
                    tuned, weights, *model, writer, out);
                return out;
            };
            const auto streams = code(Speed::best, columns);
            for (const auto speed : other_speeds) EXPECT_EQ(streams, code(speed, columns));
            if (method != Method::absolute) {
                EXPECT_LT(streams.size(), code(Speed::best, 0).size());
            }
            for (const auto speed : {Speed::best, Speed::baseline, Speed::portable}) {
                const auto model = std::make_unique<NumberModel>();
                std::vector<std::int16_t> offsets(columns);
                Bytes back(tuned.size());
                ASSERT_TRUE(
                    decode_numbers({ElementType::f32, method, {offsets, phase, rows}, speed},
                                   streams, weights, *model, back));
                EXPECT_EQ(back, tuned);
            }
        }
    }
}

// Codes and reads with lines told apart; the offsets of lines are new each time.
struct Lines {
    std::size_t columns;
    std::size_t phase;
    bool rows;

    [[nodiscard]] Bytes write(ElementType type, Method method, const Sample& sample,
                              Speed speed) const {
        const auto model = std::make_unique<NumberModel>();
        SymbolWriter writer;
        Bytes out;
        std::vector<std::int16_t> offsets(columns);
        encode_numbers({type, method, {offsets, phase, rows}, speed}, sample.next, sample.old,
                       *model, writer, out);
        return out;
    }
    [[nodiscard]] bool read(ElementType type, Method method, ByteSpan streams, const Sample& sample,
                            Speed speed, Bytes& out) const {
        const auto model = std::make_unique<NumberModel>();
        std::vector<std::int16_t> offsets(columns);
        out.assign(sample.next.size(), std::byte{0});
        return decode_numbers({type, method, {offsets, phase, rows}, speed}, streams, sample.old,
                              *model, out)
            .has_value();
    }
};

TEST(NumberCoder, LinesOfEveryLengthGiveTheSameBytesByEveryKindOfCode) {
    constexpr std::array types{ElementType::f32, ElementType::f16, ElementType::bf16};
    SeededRandom random(31);
    const auto weights = float_weights(3001, 3);
    const Sample tuned{fine_tuned(weights, 1e-3, 4), weights};
    const auto mixed = mixed_sample(4 * 1503, 19);
    for (const std::size_t columns : {1, 3, 8, 13, 96, 1000}) {
        for (const bool rows : {false, true}) {
            const Lines lines{columns, columns / 3, rows};
            for (const auto type : types) {
                for (const auto method : all_methods) {
                    for (const auto* const sample : {&tuned, &mixed}) {
                        const auto streams = lines.write(type, method, *sample, Speed::best);
                        Bytes damaged = streams;
                        damaged[random.below(damaged.size())] ^= std::byte{4};
                        Bytes back;
                        Bytes odd;
                        ASSERT_TRUE(lines.read(type, method, streams, *sample, Speed::best, back));
                        EXPECT_EQ(back, sample->next);
                        const bool good =
                            lines.read(type, method, damaged, *sample, Speed::best, odd);
                        for (const auto speed : other_speeds) {
                            EXPECT_EQ(streams, lines.write(type, method, *sample, speed));
                            ASSERT_TRUE(lines.read(type, method, streams, *sample, speed, back));
                            EXPECT_EQ(back, sample->next);
                            EXPECT_EQ(good,
                                      lines.read(type, method, damaged, *sample, speed, back));
                            EXPECT_EQ(back, odd);
                        }
                    }
                }
            }
        }
    }
}

TEST(NumberCoder, NumbersThatAreRarelyFarOffComeBack) {
    // Escapes among differences that are coded whole, and among long ones, in all lanes.
    SeededRandom random(41);
    for (const auto type : all_types) {
        const std::size_t one = element_size(type);
        Sample sample{random_bytes(5003 * one, 42), {}};
        sample.old = sample.next;
        for (std::size_t i = 0; i < sample.old.size(); i += one) {
            sample.old[i] ^= static_cast<std::byte>(random.below(2));
            if (random.below(50) == 0) sample.old[i + one - 1] ^= std::byte{0x15};
            if (random.below(50) == 0) sample.old[i] ^= std::byte{0x35};
        }
        for (const auto method : all_methods) expect_same(type, method, sample.next, sample.old);
    }
}

struct RescaledSample {
    Bytes next;
    Bytes old;
    Grid grid;
    std::vector<std::int16_t> ratios;
};

// `noise` of 256 leaves nothing of the old numbers.
RescaledSample rescaled_sample(std::size_t columns, std::size_t count, int widest_ratio, int noise,
                               std::uint64_t seed) {
    SeededRandom random(seed);
    RescaledSample sample{{}, random_bytes(count, seed + 1), {columns, columns / 3}, {}};
    for (std::size_t row = 0; row < sample.grid.rows(count); ++row) {
        const auto span = static_cast<std::uint64_t>(2 * widest_ratio + 1);
        sample.ratios.push_back(
            static_cast<std::int16_t>(static_cast<int>(random.below(span)) - widest_ratio));
    }
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t row = (sample.grid.phase + i) / columns;
        const double exact =
            static_cast<std::int8_t>(sample.old[i]) * (1 + sample.ratios[row] / 4096.0) +
            (noise == 0 ? 0 : static_cast<int>(random.below(static_cast<std::uint64_t>(noise)))) -
            noise / 2.0;
        sample.next.push_back(
            static_cast<std::byte>(static_cast<int>(std::clamp(exact, -128.0, 127.0))));
    }
    return sample;
}

// Returns how many bytes it took, the same for each kind of code.
std::size_t expect_rescaled(const RescaledSample& sample) {
    NumberModel model;
    SymbolWriter writer;
    Bytes streams;
    encode_rescaled({sample.grid, sample.ratios}, sample.next, sample.old, model, writer, streams);
    for (const auto speed : {Speed::best, Speed::baseline, Speed::portable}) {
        model.reset();
        Bytes other;
        encode_rescaled({sample.grid, sample.ratios, speed}, sample.next, sample.old, model, writer,
                        other);
        EXPECT_EQ(other, streams);
        model.reset();
        Bytes back(sample.next.size());
        EXPECT_TRUE(
            decode_rescaled({sample.grid, sample.ratios, speed}, streams, sample.old, model, back));
        EXPECT_EQ(back, sample.next);
    }
    return streams.size();
}

TEST(RescaledCoder, SignedBytesOfNewScalesComeBack) {
    constexpr std::size_t columns = 96;
    constexpr std::size_t count = 30 * columns;
    EXPECT_LT(expect_rescaled(rescaled_sample(columns, count, 200, 0, 5)), count / 4);
}

TEST(RescaledCoder, RowsOfAnyLengthAndAnyNoiseComeBack) {
    for (const std::size_t columns : {1, 3, 7, 8, 9, 16, 61}) {
        for (const std::size_t count : {1, 7, 8, 511, 512, 3001}) {
            for (const int noise : {0, 3, 20, 256}) {
                SCOPED_TRACE(testing::Message()
                             << columns << " columns, " << count << " numbers, noise " << noise);
                expect_rescaled(rescaled_sample(columns, count, 4095, noise, columns + count));
            }
        }
    }
}

}  // namespace
}  // namespace strandline::delta::number
