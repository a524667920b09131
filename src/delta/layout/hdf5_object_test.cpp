#include <gtest/gtest.h>

#include "delta/layout/collector.h"
#include "delta/layout/hdf5_file.h"

namespace strandline::delta {
namespace {

constexpr std::size_t links = 4096;
constexpr std::size_t head_bytes = 10;
constexpr std::size_t continuation_bytes = 20;

void append_text(Bytes& out, std::string_view text) {
    out.insert(out.end(), as_bytes(text).begin(), as_bytes(text).end());
}

/// A header of the new kind that goes on with the same block of links again and again.
Bytes group_of(std::size_t times) {
    const std::uint64_t block = head_bytes + times * continuation_bytes;
    Bytes file;
    append_text(file, "OHDR\2\2");
    append_le(file, static_cast<std::uint32_t>(times * continuation_bytes));
    for (std::size_t i = 0; i < times; ++i) {
        append_text(file, std::string_view("\x10\x10\0\0", 4));
        append_le<std::uint64_t>(file, block);
        append_le<std::uint64_t>(file, 4 + links * 16);
    }
    append_text(file, "OCHK");
    for (std::size_t i = 0; i < links; ++i) {
        append_text(file, std::string_view("\6\14\0\0\1\0\1n", 8));
        append_le<std::uint64_t>(file, i);
    }
    return file;
}

TEST(Hdf5Object, KeepsNoMoreLinksThanThereMayBeTensors) {
    for (const std::size_t times : {1, 40}) {
        const Bytes file = group_of(times);
        Hdf5File view;
        view.bytes = file;
        Hdf5Budget budget{1'000'000};
        const auto object = read_hdf5_object(view, 0, budget);
        ASSERT_EQ(object.links.size(), std::min(times * links, max_tensors));
        EXPECT_EQ(object.links[5].name, "n");
        EXPECT_EQ(object.links[5].header, 5U);
    }
}

}  // namespace
}  // namespace strandline::delta
