#include <algorithm>

#include "delta/layout/float_regions.h"
#include "delta/layout/layout_samples.h"
#include "delta/layout/sign_anchors.h"
#include "delta/test/test_sample_data.h"

namespace strandline::delta {
namespace {

Bytes joined(const std::vector<Bytes>& parts) {
    Bytes all;
    for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
}

ByteSpan part(const Bytes& bytes, std::uint64_t offset, std::uint64_t size) {
    return ByteSpan(bytes).subspan(static_cast<std::size_t>(offset),
                                   static_cast<std::size_t>(size));
}

TEST(MatchFiles, FollowsWeightsBehindALayerOfAnotherSize) {
    // No container at all: an odd header, and a layer in the middle that grew.
    const auto first = float_weights(90000, 1);
    const auto last = float_weights(150000, 2);
    const auto old_file = joined({Bytes(7), first, float_weights(3000, 3), last});
    const auto new_file = joined(
        {Bytes(9), fine_tuned(first, 0.05, 4), float_weights(5001, 5), fine_tuned(last, 0.05, 6)});
    const auto found = match_files(old_file, new_file);
    expect_sound(found.old_layout, old_file.size());
    expect_sound(found.new_layout, new_file.size());
    std::uint64_t related = 0;
    for (const auto& match : found.matches) {
        if (match.relation < Relation::related) continue;
        const auto& before = found.old_layout.tensors[*match.old_tensor];
        const auto& after = found.new_layout.tensors[match.new_tensor];
        EXPECT_EQ(before.bytes, after.bytes);
        EXPECT_LE(after.bytes, region_piece_bytes);
        related += after.bytes;
        // Weight by weight the same signs, so the cuts are right to the number.
        std::uint64_t same = 0;
        for (std::uint64_t i = 0; i < before.bytes / 4; ++i) {
            const auto a = part(old_file, before.offset + 4 * i + 3, 1);
            const auto b = part(new_file, after.offset + 4 * i + 3, 1);
            same += ((a[0] ^ b[0]) & std::byte{0x80}) == std::byte{0} ? 1U : 0U;
        }
        EXPECT_GT(same * 100, before.bytes / 4 * 90);
    }
    EXPECT_GT(related, (first.size() + last.size()) / 100 * 99);
}

TEST(MatchFiles, LeavesNamedTensorsAsTheyAre) {
    const auto file = sample_file("model.safetensors");
    const auto found = match_files(file, file);
    ASSERT_EQ(found.matches.size(), 5U);
    for (const auto& match : found.matches) {
        EXPECT_EQ(match.relation, Relation::equal);
        EXPECT_EQ(match.old_tensor, match.new_tensor);
    }
}

TEST(MatchFiles, OfUnrelatedWeightsFindsNothing) {
    const auto found = match_files(float_weights(100000, 1), float_weights(90000, 2));
    ASSERT_FALSE(found.matches.empty());
    for (const auto& match : found.matches) EXPECT_LT(match.relation, Relation::related);
}

TEST(SignAnchors, DoNotUseOldNumbersTwice) {
    const auto weights = float_weights(5000, 1);
    const auto new_file = joined({weights, weights});
    WorkMeter meter;
    const auto aligned = align_by_signs(weights, {{ElementType::f32, 0, weights.size()}}, new_file,
                                        {{ElementType::f32, 0, new_file.size()}}, meter);
    ASSERT_EQ(aligned.size(), 1U);
    EXPECT_EQ(aligned[0].old_offset, 0U);
    EXPECT_EQ(aligned[0].bytes, weights.size());
}

TEST(SignAnchors, FollowWhatComesBehindManyCopies) {
    const auto first = float_weights(5000, 1);
    const auto last = float_weights(5000, 2);
    const auto old_file = joined({first, last});
    constexpr std::size_t copies = 200;
    std::vector<Bytes> parts(copies, first);
    parts.push_back(last);
    const auto new_file = joined(parts);
    std::uint64_t looked_at = 0;
    WorkMeter meter([&](std::uint64_t bytes) {
        looked_at = bytes;
        return true;
    });
    const auto aligned = align_by_signs(old_file, {{ElementType::f32, 0, old_file.size()}},
                                        new_file, {{ElementType::f32, 0, new_file.size()}}, meter);
    std::uint64_t bytes = 0;
    for (const auto& span : aligned) bytes += span.bytes;
    EXPECT_EQ(bytes, old_file.size());
    ASSERT_FALSE(aligned.empty());
    EXPECT_EQ(aligned.back().new_offset + aligned.back().bytes, new_file.size());
    EXPECT_LE(looked_at, 2 * new_file.size());
}

}  // namespace
}  // namespace strandline::delta
