#include "delta/encode/match_finder.h"

#include <gtest/gtest.h>
#include <numeric>

#include "delta/test/test_sample_data.h"

namespace strandline::delta {
namespace {

std::uint64_t matched_bytes(const Findings& found) {
    return std::accumulate(
        found.matches.begin(), found.matches.end(), std::uint64_t{0},
        [](std::uint64_t sum, const Match& match) { return sum + match.length; });
}

void expect_true_and_sorted(const Findings& found, ByteSpan old_file, ByteSpan new_file) {
    std::uint64_t last = 0;
    for (const auto& match : found.matches) {
        EXPECT_GE(match.new_offset, last);
        last = match.end();
        EXPECT_TRUE(std::ranges::equal(new_file.subspan(match.new_offset, match.length),
                                       old_file.subspan(match.old_offset, match.length)));
    }
}

TEST(MatchFinder, FollowsOneMatchThroughIdenticalFiles) {
    const Bytes file = random_bytes(100'000, 1);
    const auto found = MatchFinder(file, file).find(0, file.size());
    ASSERT_EQ(found.matches.size(), 1u);
    EXPECT_EQ(found.matches[0].length, file.size());
}

TEST(MatchFinder, FindsLongCopiesWithinTensorsThatAlign) {
    constexpr std::uint64_t moved = 3000;
    constexpr std::uint64_t copy_begin = 70'001;
    constexpr std::uint64_t copy_bytes = 20'000;
    Bytes old_file = random_bytes(100'000, 4);
    const Bytes new_file = random_bytes(100'000 - moved, 5);
    std::ranges::copy(ByteSpan(new_file).subspan(copy_begin, copy_bytes),
                      old_file.begin() + copy_begin + moved);
    const std::vector<KnownSpan> spans{{0, new_file.size(), moved, false}};
    const auto found = MatchFinder(old_file, new_file, spans).find(0, new_file.size());
    expect_true_and_sorted(found, old_file, new_file);
    ASSERT_EQ(found.matches.size(), 1U);
    EXPECT_EQ(found.matches[0].new_offset, copy_begin);
    EXPECT_EQ(found.matches[0].length, copy_bytes);
}

TEST(MatchFinder, FindsBytesThatMovedByAnInsertion) {
    const Bytes old_file = random_bytes(100'000, 1);
    Bytes new_file = random_bytes(13, 2);
    new_file.insert(new_file.end(), old_file.begin(), old_file.end());
    const auto found = MatchFinder(old_file, new_file).find(0, new_file.size());
    expect_true_and_sorted(found, old_file, new_file);
    EXPECT_EQ(matched_bytes(found), old_file.size());
}

TEST(MatchFinder, FindsSwappedBlocksInLargeFilesWhereItProbesSparsely) {
    const Bytes old_file = random_bytes(9 << 20, 1);
    Bytes new_file(old_file.begin() + (4 << 20), old_file.end());
    new_file.insert(new_file.end(), old_file.begin(), old_file.begin() + (4 << 20));
    const auto found = MatchFinder(old_file, new_file).find(0, new_file.size());
    expect_true_and_sorted(found, old_file, new_file);
    EXPECT_EQ(matched_bytes(found), new_file.size());
}

TEST(MatchFinder, ReportsLongConstantRunsAsFills) {
    Bytes new_file = random_bytes(10'000, 1);
    std::fill(new_file.begin() + 1000, new_file.begin() + 9000, std::byte{7});
    const auto found = MatchFinder({}, new_file).find(0, new_file.size());
    ASSERT_EQ(found.fills.size(), 1u);
    EXPECT_GE(found.fills[0].length, 8000u);
    EXPECT_TRUE(found.matches.empty());
}

TEST(MatchFinder, FindsNothingInUnrelatedBytes) {
    const Bytes old_file = random_bytes(50'000, 1);
    const Bytes new_file = random_bytes(50'000, 2);
    EXPECT_EQ(matched_bytes(MatchFinder(old_file, new_file).find(0, new_file.size())), 0u);
}

}  // namespace
}  // namespace strandline::delta
