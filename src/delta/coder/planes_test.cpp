#include "delta/coder/planes.h"

#include <gtest/gtest.h>

#include "delta/test/test_sample_data.h"

namespace strandline::delta {
namespace {

TEST(Planes, JoinUndoesSplitForEveryWordAndTransform) {
    const Bytes words = random_bytes(4096, 1);
    const Bytes old = random_bytes(4096, 2);
    for (unsigned word_log = 0; word_log < 4; ++word_log) {
        for (const auto transform :
             {Transform::none, Transform::exclusive, Transform::difference}) {
            const ByteSpan base = transform == Transform::none ? ByteSpan{} : ByteSpan(old);
            Bytes planes(words.size());
            split_planes(words, base, transform, word_log, planes);
            Bytes back(words.size());
            join_planes(planes, base, transform, word_log, back);
            EXPECT_EQ(back, words) << word_log << " " << static_cast<int>(transform);
        }
    }
}

TEST(Planes, SmallMovesLeaveZerosInTheHighPlanes) {
    Bytes old;
    Bytes next;
    for (std::uint32_t i = 0; i < 64; ++i) {
        append_le<std::uint32_t>(old, 0x3f80ff00u + i);
        append_le<std::uint32_t>(next, 0x3f80ff00u + i + (i % 2 == 0 ? 90 : -90));
    }
    Bytes planes(next.size());
    split_planes(next, old, Transform::difference, 2, planes);
    for (std::size_t i = 0; i < 64; ++i) {
        EXPECT_EQ(static_cast<int>(planes[i]), i % 2 == 0 ? 180 : 179);
        for (std::size_t plane = 1; plane < 4; ++plane)
            EXPECT_EQ(planes[plane * 64 + i], std::byte{0});
    }
}

}  // namespace
}  // namespace strandline::delta
