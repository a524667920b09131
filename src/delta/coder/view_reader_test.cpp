#include "delta/coder/view_reader.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <numeric>

#include "base/random.h"
#include "delta/number/cast.h"
#include "delta/number/number_format.h"
#include "delta/test/test_sample_data.h"

namespace strandline::delta {
namespace {

// The old index of each number, axis by axis.
std::uint64_t plain_index(const OldView& view, std::uint64_t index) {
    std::uint64_t old = 0;
    for (auto axis = view.axes.rbegin(); axis != view.axes.rend(); ++axis) {
        old += index % axis->count * axis->stride;
        index /= axis->count;
    }
    return old;
}

Bytes read(const OldView& view, ByteSpan old_file, std::uint64_t count) {
    Bytes out(static_cast<std::size_t>(count * element_size(view.to)));
    Bytes window(64u << 10);
    EXPECT_TRUE(check_view(view, count, {0, old_file.size()}));
    EXPECT_TRUE(read_view(view, MemoryReader(old_file), out, window));
    return out;
}

// A tensor with its axes in a random order, as a view of a file that it stands in.
OldView random_view(SeededRandom& random, std::uint64_t& numbers) {
    OldView view;
    view.from = view.to = ElementType::f16;
    view.offset = 2 * random.below(10);
    const std::size_t rank = 1 + random.below(max_view_axes);
    std::vector<std::uint64_t> shape;
    numbers = 1;
    for (std::size_t i = 0; i < rank; ++i) {
        // Some axes of one, some too long for a window.
        shape.push_back(random.below(4) == 0 ? 1 : 1 + random.below(rank < 3 ? 400 : 24));
        numbers *= shape.back();
    }
    std::vector<std::uint64_t> strides(rank, 1);
    for (std::size_t i = rank; i-- > 1;) strides[i - 1] = strides[i] * shape[i];
    std::vector<std::size_t> order(rank);
    std::iota(order.begin(), order.end(), std::size_t{0});
    for (std::size_t i = rank; i-- > 1;) std::swap(order[i], order[random.below(i + 1)]);
    for (const auto axis : order) view.axes.push_back({shape[axis], strides[axis]});
    return view;
}

TEST(ViewReader, FindsEveryNumberInAnyOrderOfAxes) {
    SeededRandom random(5);
    for (int turn = 0; turn < 300; ++turn) {
        std::uint64_t numbers = 0;
        OldView view = random_view(random, numbers);
        const Bytes file = random_bytes(static_cast<std::size_t>(view.offset + 2 * numbers), turn);
        view.first = random.below(numbers);
        const std::uint64_t count = 1 + random.below(numbers - view.first);
        const Bytes got = read(view, file, count);
        for (std::uint64_t i = 0; i < count; ++i) {
            const auto at = view.offset + 2 * plain_index(view, view.first + i);
            ASSERT_EQ(load_le<std::uint16_t>(ByteSpan(got).subspan(2 * i, 2)),
                      load_le<std::uint16_t>(ByteSpan(file).subspan(at, 2)))
                << turn << ": " << i;
        }
    }
}

TEST(ViewReader, CastsFloats) {
    const Bytes file = float_weights(1000, 1);
    OldView view;
    view.from = ElementType::f32;
    view.axes = {{1000, 1}};
    view.first = 10;
    for (const auto to : {ElementType::f16, ElementType::bf16}) {
        view.to = to;
        const Bytes got = read(view, file, 900);
        for (std::size_t i = 0; i < 900; ++i) {
            const auto bits = load_le<std::uint32_t>(ByteSpan(file).subspan(4 * (i + 10), 4));
            const auto wanted =
                to == ElementType::f16 ? number::to_float16(bits) : number::to_bfloat16(bits);
            ASSERT_EQ(load_le<std::uint16_t>(ByteSpan(got).subspan(2 * i, 2)), wanted);
        }
    }
}

TEST(ViewReader, QuantisesByTheScaleOfEachRow) {
    Bytes file;
    for (const float value : {0.1F, -0.2F, 0.3F, 10.0F, -20.0F, 30.0F})
        append_le(file, std::bit_cast<std::uint32_t>(value));
    Bytes scales;
    for (const float value : {0.1F, 10.0F}) append_le(scales, std::bit_cast<std::uint32_t>(value));
    OldView view;
    view.from = ElementType::f32;
    view.to = ElementType::i8;
    view.axes = {{2, 3}, {3, 1}};
    view.scales = {.zero_point = 1, .columns = 3, .period = 2, .lead = 0, .values = scales};
    const Bytes wanted{std::byte{2}, std::byte{0xff}, std::byte{4},
                       std::byte{2}, std::byte{0xff}, std::byte{4}};
    EXPECT_EQ(read(view, file, 6), wanted);
    // The second row alone needs its own scale only.
    view.first = 3;
    view.scales.lead = 1;
    view.scales.values = ByteSpan(scales).last(4);
    EXPECT_EQ(read(view, file, 3), Bytes(wanted.begin() + 3, wanted.end()));
    view.first = 2;
    EXPECT_FALSE(check_view(view, 4, {0, file.size()}));
}

OldView whole(std::vector<OldView::Axis> axes) {
    OldView view;
    view.from = view.to = ElementType::f32;
    view.axes = std::move(axes);
    return view;
}

TEST(OldView, RefusesWhatIsNotThere) {
    EXPECT_TRUE(check_view(whole({{4, 1}}), 4, {0, 16}));
    EXPECT_FALSE(check_view(whole({{4, 1}}), 5, {0, 16}));
    EXPECT_FALSE(check_view(whole({{4, 1}}), 4, {0, 15}));
    EXPECT_FALSE(check_view(whole({{4, 1}}), 0, {0, 16}));
    EXPECT_FALSE(check_view(whole({{0, 1}}), 1, {0, 16}));
    EXPECT_FALSE(check_view(whole({{4, UINT64_MAX}}), 1, {0, 16}));
    EXPECT_FALSE(check_view(whole({{UINT64_MAX, 1}, {UINT64_MAX, 1}}), 1, {0, UINT64_MAX}));
    EXPECT_FALSE(check_view(whole({{1U << 31, 0}, {1U << 31, 0}}), 1, {0, 16}));
    auto far = whole({{4, 1}});
    far.offset = UINT64_MAX - 3;
    EXPECT_FALSE(check_view(far, 4, {0, 16}));
    far = whole({{4, 1}});
    far.first = UINT64_MAX;
    EXPECT_FALSE(check_view(far, 4, {0, 16}));
}

TEST(OldView, ComesBackFromItsBytes) {
    Bytes scales;
    append_le(scales, std::bit_cast<std::uint32_t>(0.5F));
    OldView view;
    view.from = ElementType::bf16;
    view.to = ElementType::u8;
    view.axes = {{7, 1}, {5, 7}};
    view.offset = 1000;
    view.first = 3;
    view.scales = {.zero_point = -9, .columns = 35, .period = 1, .lead = 0, .values = scales};
    Bytes bytes;
    append_view(bytes, view, 2000);
    FieldReader in(bytes);
    const auto back = parse_view(in, 2000);
    ASSERT_TRUE(back);
    EXPECT_EQ(in.left(), 0U);
    Bytes again;
    append_view(again, *back, 2000);
    EXPECT_EQ(again, bytes);
    EXPECT_EQ(back->scales.zero_point, -9);
    EXPECT_EQ(back->scales.of(34), 0.5F);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        FieldReader cut(ByteSpan(bytes).first(size));
        EXPECT_FALSE(parse_view(cut, 2000)) << size;
    }
    for (const float bad : {0.0F, -1.0F, 1.0F / 0.0F, std::nanf("")}) {
        Bytes damaged = bytes;
        store_le(std::bit_cast<std::uint32_t>(bad), std::span(damaged).last(4));
        FieldReader of(damaged);
        EXPECT_FALSE(parse_view(of, 2000));
    }
}

}  // namespace
}  // namespace strandline::delta
