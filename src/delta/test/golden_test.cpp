#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <set>

#include "delta/files.h"
#include "delta/number/cast.h"
#include "delta/test/delta_parts.h"
#include "delta/test/golden_records.h"
#include "delta/test/test_support.h"

namespace strandline::delta {
namespace {

namespace fs = std::filesystem;

// Files of delta/golden are what released programs wrote: today's reader must read them for ever.
// STRANDLINE_WRITE_GOLDEN=1 writes those that are missing.
fs::path golden_folder() { return fs::path(STRANDLINE_SOURCE_DIR) / "src/delta/golden"; }

Bytes load(const fs::path& path) {
    auto in = FileReader::open(path);
    if (!in) return {};
    Bytes bytes(static_cast<std::size_t>(in->size()));
    EXPECT_TRUE(in->read_at(0, bytes));
    return bytes;
}

void store(const fs::path& path, ByteSpan bytes) {
    auto out = FileWriter::open(path);
    ASSERT_TRUE(out && out->write(bytes));
}

FilePair mixed_pair() {
    auto pair = small_mixed_pair();
    pair.name = "mixed";
    return pair;
}

// Reaches the sparse coder, which the small mixed pair has no room for.
FilePair sparse_pair() {
    const Bytes weights = float_weights(2500, 21);
    Bytes next = weights;
    for (std::size_t at = 2; at < next.size(); at += 388) next[at] ^= std::byte{0x2d};
    return {"sparse", weights, next};
}

// Text around numbers, of which some changed: copies and literals in a script, and a record.
FilePair script_pair() {
    const Bytes frozen = float_weights(3000, 41);
    const Bytes weights = float_weights(2000, 42);
    const Bytes tuned = fine_tuned(weights, 1e-3, 43);
    return {"script",
            concatenated({metadata_text(25, "1"), frozen, metadata_text(9, "1"), weights}),
            concatenated({metadata_text(26, "2"), frozen, metadata_text(9, "2"), tuned})};
}

// One tensor of a safetensors file, old and new.
struct GoldenTensor {
    const char* type;
    std::size_t rows;
    std::size_t columns;
    Bytes old_bytes;
    Bytes new_bytes;
};

Bytes safetensors(const std::vector<GoldenTensor>& tensors, bool is_new) {
    std::string head;
    Bytes data;
    for (const auto& tensor : tensors) {
        const auto& bytes = is_new ? tensor.new_bytes : tensor.old_bytes;
        head += std::string(head.empty() ? "{" : ",") + "\"t" + std::to_string(data.size()) +
                R"(":{"dtype":")" + tensor.type + R"(","shape":[)" + std::to_string(tensor.rows) +
                "," + std::to_string(tensor.columns) + R"(],"data_offsets":[)" +
                std::to_string(data.size()) + "," + std::to_string(data.size() + bytes.size()) +
                "]}";
        data.insert(data.end(), bytes.begin(), bytes.end());
    }
    head += "}";
    Bytes out;
    append_le(out, static_cast<std::uint64_t>(head.size()));
    const auto text = as_bytes(head);
    out.insert(out.end(), text.begin(), text.end());
    out.insert(out.end(), data.begin(), data.end());
    return out;
}

// The upper halves of fp32 numbers.
Bytes as_bf16(ByteSpan numbers) {
    Bytes out;
    for (std::size_t at = 0; at < numbers.size(); at += 4) {
        out.push_back(numbers[at + 2]);
        out.push_back(numbers[at + 3]);
    }
    return out;
}

template <class Change>
Bytes changed_floats(ByteSpan numbers, std::size_t columns, const Change& change) {
    Bytes out;
    for (std::size_t i = 0; i < numbers.size() / 4; ++i) {
        const auto old = std::bit_cast<float>(load_le<std::uint32_t>(numbers.subspan(4 * i, 4)));
        append_le(out, std::bit_cast<std::uint32_t>(change(old, i / columns, i % columns)));
    }
    return out;
}

// Reaches every method and predictor of the number coder.
FilePair numbers_pair() {
    constexpr std::size_t side = 64;
    constexpr std::size_t count = side * side;
    const Bytes weights = float_weights(count, 31);
    const Bytes tuned = fine_tuned(weights, 1e-3, 32);
    const Bytes scaled = changed_floats(weights, side, [](float old, std::size_t row, std::size_t) {
        return old * (1.0F + static_cast<float>(row) / 7.0F);
    });
    const Bytes thin =
        changed_floats(weights, side, [](float old, std::size_t row, std::size_t column) {
            return old + 1e-3F * static_cast<float>(row % 5) * static_cast<float>(column % 7);
        });
    const Bytes few =
        changed_floats(weights, side, [](float old, std::size_t row, std::size_t column) {
            const std::size_t i = row * side + column;
            return i * i % 101 == 13 ? old * (1.0F + static_cast<float>(i % 97) * 1e-3F) : old;
        });
    const auto bytes = [&](double scale, double amount) {
        SeededRandom random(33);
        Bytes out;
        for (std::size_t i = 0; i < count; ++i) {
            const double value = std::clamp(30 * normal(random), -120.0, 120.0);
            out.push_back(static_cast<std::byte>(static_cast<int>(
                std::lround(value * scale + amount * static_cast<double>(i % 3)))));
        }
        return out;
    };
    const std::vector<GoldenTensor> tensors{
        {"F32", side, side, weights, tuned},
        {"F32", side, side, weights, few},
        {"F32", side, side, weights, float_weights(count, 35)},
        {"F32", side, side, weights, scaled},
        {"F32", side, side, weights, thin},
        {"BF16", side, side, as_bf16(weights), as_bf16(tuned)},
        {"I8", side, side, bytes(1.0, 0.0), bytes(1.03, 0.4)},
    };
    return {"numbers", safetensors(tensors, false), safetensors(tensors, true)};
}

struct NamedTensor {
    const char* name;
    const char* type;
    std::string shape;
    Bytes bytes;
};

Bytes named_safetensors(const std::vector<NamedTensor>& tensors) {
    std::string head;
    Bytes data;
    for (const auto& tensor : tensors) {
        head += std::string(head.empty() ? "{" : ",") + "\"" + tensor.name + R"(":{"dtype":")" +
                tensor.type + R"(","shape":[)" + tensor.shape + R"(],"data_offsets":[)" +
                std::to_string(data.size()) + "," +
                std::to_string(data.size() + tensor.bytes.size()) + "]}";
        data.insert(data.end(), tensor.bytes.begin(), tensor.bytes.end());
    }
    head += "}";
    Bytes out;
    append_le(out, static_cast<std::uint64_t>(head.size()));
    const auto text = as_bytes(head);
    out.insert(out.end(), text.begin(), text.end());
    out.insert(out.end(), data.begin(), data.end());
    return out;
}

// Quantised rows that resemble the one before.
Bytes quantised_rows(std::size_t columns, std::size_t rows, std::uint64_t seed) {
    SeededRandom random(seed);
    std::vector<double> row(columns);
    Bytes out;
    for (std::size_t i = 0; i < columns * rows; ++i) {
        auto& value = row[i % columns];
        value = 0.9 * value + 6 * normal(random);
        out.push_back(static_cast<std::byte>(
            static_cast<int>(std::lround(std::clamp(value, -100.0, 100.0)))));
    }
    return out;
}

// Reaches what files of several tensors are predicted by: a folded norm, columns, mixed bytes.
FilePair predicted_pair() {
    constexpr std::size_t channels = 48;
    constexpr std::size_t inner = 45;
    const Bytes weights = float_weights(channels * inner, 41);
    const auto positive = [](std::uint64_t seed) {
        return changed_floats(float_weights(channels, seed), 1,
                              [](float old, auto, auto) { return std::abs(old) + 0.1F; });
    };
    const Bytes gamma = positive(42);
    const Bytes variance = positive(43);
    const Bytes beta = float_weights(channels, 44);
    const Bytes mean = float_weights(channels, 45);
    const auto at = [](ByteSpan numbers, std::size_t i) {
        return std::bit_cast<float>(load_le<std::uint32_t>(numbers.subspan(4 * i, 4)));
    };
    const auto scale = [&](std::size_t channel) {
        return at(gamma, channel) / std::sqrt(at(variance, channel) + 1e-5F);
    };
    const Bytes folded = changed_floats(
        weights, inner, [&](float old, std::size_t row, auto) { return old * scale(row); });
    const Bytes biases = changed_floats(beta, 1, [&](float old, std::size_t channel, auto) {
        volatile float product = (0.0F - at(mean, channel)) * scale(channel);
        return product + old;
    });
    const auto uneven = [](std::uint64_t seed, bool by_rows = false) {
        return changed_floats(float_weights(64 * 64, seed), 64,
                              [by_rows](float old, std::size_t row, std::size_t column) {
                                  return std::ldexp(
                                      old, -static_cast<int>((by_rows ? row : column) * 7 % 11));
                              });
    };
    return {"predicted",
            named_safetensors({{"conv.weight", "F32", "48,5,9", weights},
                               {"bn.weight", "F32", "48", gamma},
                               {"bn.bias", "F32", "48", beta},
                               {"bn.running_mean", "F32", "48", mean},
                               {"bn.running_var", "F32", "48", variance},
                               {"columns", "F32", "64,64", uneven(46)},
                               {"rows", "F32", "64,64", uneven(49, true)},
                               {"bytes", "I8", "64,64", quantised_rows(64, 64, 47)}}),
            named_safetensors({{"1", "F32", "48,5,9", folded},
                               {"2", "F32", "48", biases},
                               {"columns", "F32", "64,64", uneven(48)},
                               {"rows", "F32", "64,64", uneven(50, true)},
                               {"bytes", "I8", "64,64", quantised_rows(64, 64, 49)}})};
}

// One tensor turned and cast, one cast, one quantised.
FilePair converted_pair() {
    constexpr std::size_t rows = 24;
    constexpr std::size_t columns = 40;
    const Bytes weights = float_weights(rows * columns, 61);
    const auto bits = [&](std::size_t i) {
        return load_le<std::uint32_t>(ByteSpan(weights).subspan(4 * i, 4));
    };
    Bytes turned;
    Bytes brain;
    Bytes integers;
    for (std::size_t i = 0; i < rows * columns; ++i) {
        append_le(turned, number::to_float16(bits(i % rows * columns + i / rows)));
        append_le(brain, number::to_bfloat16(bits(i)));
    }
    for (std::size_t i = 0; i < rows * columns; ++i) {
        float largest = 0;
        for (std::size_t other = i / columns * columns; other < (i / columns + 1) * columns;
             ++other)
            largest = std::max(largest, std::fabs(std::bit_cast<float>(bits(other))));
        integers.push_back(static_cast<std::byte>(
            number::quantised(std::bit_cast<float>(bits(i)), largest / 127, 0, -128, 127)));
    }
    return {"converted",
            named_safetensors({{"a", "F32", "24,40", weights},
                               {"b", "F32", "24,40", weights},
                               {"c", "F32", "24,40", weights}}),
            named_safetensors({{"a", "F16", "40,24", turned},
                               {"b", "BF16", "24,40", brain},
                               {"c", "I8", "24,40", integers}})};
}

std::vector<GoldenPair> goldens() {
    std::vector<GoldenPair> all;
    for (const auto& pair : {mixed_pair(), sparse_pair(), numbers_pair(), script_pair(),
                             predicted_pair(), converted_pair()})
        all.push_back({pair, encode(pair.old_file, pair.new_file).value_or(Bytes{})});
    const FilePair frame{"frame", {}, metadata_text(30, "1")};
    all.push_back({frame, encode_as_frame(frame.old_file, frame.new_file).value_or(Bytes{})});
    for (auto* make : {every_number, every_prediction, every_block, every_script, several_segments,
                       every_view, in_place_upwards, in_place_downwards})
        all.push_back(make());
    return all;
}

TEST(Golden, EarlierDeltasAreStillRead) {
    for (const auto& golden : goldens()) {
        const auto base = golden_folder() / golden.files.name;
        const auto old_path = fs::path(base).concat(".old");
        const auto new_path = fs::path(base).concat(".new");
        const auto delta_path = fs::path(base).concat(".sld");
        if (std::getenv("STRANDLINE_WRITE_GOLDEN") != nullptr && !fs::exists(delta_path)) {
            ASSERT_FALSE(golden.patch.empty());
            store(old_path, golden.files.old_file);
            store(new_path, golden.files.new_file);
            store(delta_path, golden.patch);
        }
        const Bytes patch = load(delta_path);
        ASSERT_FALSE(patch.empty()) << delta_path;
        const auto back = decode(load(old_path), patch);
        ASSERT_TRUE(back) << golden.files.name << ": " << back.error().message;
        EXPECT_EQ(*back, load(new_path)) << golden.files.name;
    }
}

TEST(Golden, TodaysDeltasOfTheSameKindsAreRead) {
    for (const auto& golden : goldens()) {
        const auto back = decode(golden.files.old_file, golden.patch);
        ASSERT_TRUE(back) << golden.files.name << ": " << back.error().message;
        EXPECT_EQ(*back, golden.files.new_file) << golden.files.name;
    }
}

TEST(Golden, TheyHoldEverythingThatTheFormatHas) {
    std::set<std::string> parts;
    for (const auto& file : fs::directory_iterator(golden_folder())) {
        if (file.path().extension() == ".sld") parts.merge(parts_of(load(file.path())));
    }
    for (const auto& part : all_parts()) EXPECT_TRUE(parts.contains(part)) << part;
}

}  // namespace
}  // namespace strandline::delta
