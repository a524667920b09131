#include "delta/breakdown.h"

#include <algorithm>
#include <fmt/core.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "delta/test/test_support.h"

namespace strandline::delta {
namespace {

struct Made {
    Bytes patch;
    EncodeStats stats;
};

Made make(ByteSpan old_file, ByteSpan new_file, unsigned threads = 1) {
    EncodeOptions options;
    options.segment_bytes = 1u << 20;
    options.level = 3;
    options.threads = threads;
    MemoryWriter patch;
    auto stats = make_delta(old_file, new_file, patch, options);
    EXPECT_TRUE(stats);
    return {patch.take(), stats ? *stats : EncodeStats{}};
}

std::vector<std::uint64_t> flat(const Breakdown& breakdown) {
    std::vector<std::uint64_t> numbers;
    for (const auto& row : breakdown.rows()) {
        numbers.push_back(row.new_bytes);
        numbers.push_back(row.delta_bytes);
    }
    return numbers;
}

CodingShare sum_of(const Breakdown& breakdown) {
    CodingShare sum;
    for (const auto& row : breakdown.rows()) {
        sum.new_bytes += row.new_bytes;
        sum.delta_bytes += row.delta_bytes;
    }
    return sum;
}

TEST(Breakdown, SumsUpToBothFilesAndIsWhatAReaderFinds) {
    for (const auto& pair : sample_pairs()) {
        const auto [patch, stats] = make(pair.old_file, pair.new_file);
        const auto sum = sum_of(stats.breakdown);
        EXPECT_EQ(sum.new_bytes, pair.new_file.size()) << pair.name;
        EXPECT_EQ(sum.delta_bytes, patch.size()) << pair.name;
        const auto read = read_breakdown(MemoryReader(patch));
        ASSERT_TRUE(read) << pair.name;
        EXPECT_EQ(flat(*read), flat(stats.breakdown)) << pair.name;
    }
}

TEST(Breakdown, TellsWaysOfCodingApart) {
    const Bytes weights = float_weights(300'000, 3);
    const Bytes noise = random_bytes(9'000, 1);
    const Bytes zeros(10'000);
    const auto [patch, stats] =
        make(concatenated({weights, noise}),
             concatenated({fine_tuned(weights, 1e-3, 4), noise, zeros, random_bytes(8'000, 2)}));
    const auto& found = stats.breakdown;
    EXPECT_GE(found[Coding::copy].new_bytes, noise.size());
    EXPECT_LT(found[Coding::copy].delta_bytes, 100u);
    EXPECT_GE(found[Coding::fill].new_bytes, zeros.size());
    EXPECT_GE(found[Coding::numbers].new_bytes, weights.size() * 9 / 10);
    EXPECT_LT(found[Coding::numbers].delta_bytes, weights.size() * 7 / 10);
    EXPECT_GT(found[Coding::prologue].delta_bytes, 0u);
}

TEST(Breakdown, IsTheSameForAnyNumberOfThreads) {
    const Bytes old_file = float_weights(std::size_t{5} << 18, 3);
    const Bytes new_file = fine_tuned(old_file, 1e-3, 4);
    const auto alone = make(old_file, new_file);
    const auto together = make(old_file, new_file, 3);
    EXPECT_EQ(flat(together.stats.breakdown), flat(alone.stats.breakdown));
    EXPECT_EQ(together.stats.tensors.by_place, alone.stats.tensors.by_place);
}

TEST(Breakdown, HasANameForEveryCoding) {
    std::vector<std::string_view> names;
    for (std::size_t i = 0; i < coding_count; ++i) names.push_back(name_of(static_cast<Coding>(i)));
    std::ranges::sort(names);
    EXPECT_FALSE(names.front().empty());
    EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
    EXPECT_EQ(name_of(Coding::numbers_low_rank), "numbers_low_rank");
}

TEST(Breakdown, CountsHowTensorsWereFound) {
    const auto named = [](const char* name, std::size_t begin, std::size_t end) {
        return fmt::format(R"("{}":{{"dtype":"F32","shape":[{}],"data_offsets":[{},{}]}})", name,
                           (end - begin) / 4, begin, end);
    };
    const auto file = [](std::string header, const std::vector<ByteSpan>& parts) {
        header = "{" + header + "}";
        Bytes out;
        append_le(out, std::uint64_t{header.size()});
        return concatenated({out, as_bytes(header), concatenated(parts)});
    };
    const Bytes a = float_weights(1000, 1);
    const Bytes b = float_weights(500, 2);
    const Bytes c = float_weights(500, 3);
    const auto old_file = file(named("a", 0, 4000) + "," + named("b", 4000, 6000), {a, b});
    const auto new_file =
        file(named("other", 0, 2000) + "," + named("a", 2000, 6000) + "," + named("c", 6000, 8000),
             {b, fine_tuned(a, 1e-3, 4), c});
    const auto counts = make(old_file, new_file).stats.tensors;
    EXPECT_EQ(counts.container, "safetensors");
    EXPECT_EQ(counts.old_tensors, 2u);
    EXPECT_EQ(counts.new_tensors, 3u);
    EXPECT_EQ(counts.by_name, 1u);
    EXPECT_EQ(counts.by_content, 1u);
    EXPECT_EQ(counts.by_place, 0u);
    EXPECT_EQ(counts.unmatched, 1u);
    EXPECT_EQ(counts.equal, 1u);
    EXPECT_EQ(counts.moved, 1u);
}

TEST(Breakdown, DamageIsAnErrorOrADifferentSum) {
    const auto pair = small_mixed_pair();
    const auto patch = make(pair.old_file, pair.new_file).patch;
    ASSERT_TRUE(read_breakdown(MemoryReader(patch)));
    for (std::size_t size = 0; size < patch.size(); ++size)
        EXPECT_FALSE(read_breakdown(MemoryReader(ByteSpan(patch).first(size)))) << size;
    for (std::size_t at = 0; at < patch.size(); ++at) {
        Bytes damaged = patch;
        damaged[at] ^= std::byte{0x41};
        const auto read = read_breakdown(MemoryReader(damaged));
        if (!read) continue;
        EXPECT_EQ(sum_of(*read).new_bytes, pair.new_file.size()) << at;
    }
}

}  // namespace
}  // namespace strandline::delta
