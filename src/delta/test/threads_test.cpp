#include <algorithm>
#include <bit>
#include <cstring>
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "delta/apply.h"
#include "delta/encode.h"
#include "delta/info.h"
#include "delta/number/cast.h"
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

// `count` numbers of `bytes` bytes (negative: floats), old and new, at the end of both files.
void append_numbers(Files& files, int kind, std::size_t count, std::uint64_t seed) {
    SeededRandom random(seed);
    for (std::size_t i = 0; i < count; ++i) {
        const double size = kind == 1 ? 40 : kind == 2 ? 5e3 : kind == 4 ? 1e6 : 1e12;
        const double old = normal(random);
        const double change = kind == 1 ? static_cast<double>(random.below(3)) - 1 : normal(random);
        const auto append = [&](Bytes& out, double moved) {
            const auto weight = static_cast<float>(weight_spread * old + 5e-5 * moved);
            const auto whole =
                static_cast<std::int64_t>(size * old + 30 * moved / (kind == 1 ? 30 : 1));
            switch (kind) {
                case -4:
                    return append_le(out, std::bit_cast<std::uint32_t>(weight));
                case -2:
                    return append_le(out, number::to_float16(std::bit_cast<std::uint32_t>(weight)));
                case 1:
                    return out.push_back(
                        static_cast<std::byte>(std::clamp<std::int64_t>(whole, -128, 127)));
                case 2:
                    return append_le(out, static_cast<std::uint16_t>(whole));
                case 4:
                    return append_le(out, static_cast<std::uint32_t>(whole));
                default:
                    return append_le(out, static_cast<std::uint64_t>(whole));
            }
        };
        append(files.old_file, 0);
        append(files.new_file, change);
    }
}

// More kinds of numbers than a segment has models, then tensors that are alike, of which some are
// in another segment.
Files many_kinds() {
    constexpr std::size_t head_bytes = 1024;
    constexpr std::size_t first_bytes = 1u << 20;
    struct Kind {
        const char* name;
        const char* type;
        int kind;
        std::size_t count;
    };
    std::vector<Kind> kinds{{"f", "F32", -4, 75000},   {"g", "I32", 4, 45000},
                            {"h", "I16", 2, 45000},    {"i", "I64", 8, 12000},
                            {"k1", "I8", 1, 72 << 10}, {"m", "F16", -2, 40000}};
    std::size_t used = head_bytes;
    for (const auto& kind : kinds)
        used += kind.count * static_cast<std::size_t>(std::abs(kind.kind));
    kinds.push_back({"z", "F32", -4, (first_bytes - used) / 4});
    kinds.push_back({"k2", "I8", 1, 72 << 10});
    kinds.push_back({"k3", "I8", 1, 72 << 10});
    kinds.push_back({"zz", "F32", -4, 60000});
    Files files;
    std::string head;
    std::uint64_t seed = 1;
    for (const auto& [name, type, kind, count] : kinds) {
        const auto begin = files.old_file.size();
        append_numbers(files, kind, count, ++seed);
        head += fmt::format(R"({}"{}":{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
                            head.empty() ? "{" : ",", name, type,
                            kind == 1 ? "72,1024" : std::to_string(count), begin,
                            files.old_file.size());
    }
    head += '}';
    head.resize(head_bytes - 8, ' ');
    Bytes front;
    append_le<std::uint64_t>(front, head.size());
    front.insert(front.end(), as_bytes(head).begin(), as_bytes(head).end());
    files.old_file.insert(files.old_file.begin(), front.begin(), front.end());
    files.new_file.insert(files.new_file.begin(), front.begin(), front.end());
    return files;
}

TEST(Threads, AnyNumberGivesTheSameDeltaOfManyKindsOfNumbers) {
    const auto files = many_kinds();
    auto options = small_profile();
    const auto alone = delta_of(files, options);
    EXPECT_EQ(decode(files.old_file, alone), files.new_file);
    for (const unsigned threads : {2, 3, 16}) {
        options.threads = threads;
        EXPECT_EQ(delta_of(files, options), alone) << threads;
    }
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
