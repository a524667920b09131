#include <algorithm>

#include "delta/layout/layout_samples.h"

// Files that lie. Whatever they say, the tensors that are found lie inside the file.
namespace strandline::delta {
namespace {

/// In the middle of zeros, one place is like the other.
bool is_padding(const Bytes& bytes, std::size_t at) {
    const auto begin =
        bytes.begin() + static_cast<std::ptrdiff_t>(at - std::min<std::size_t>(at, 8));
    const auto end = bytes.begin() + static_cast<std::ptrdiff_t>(std::min(at + 8, bytes.size()));
    return std::all_of(begin, end, [](std::byte byte) { return byte == std::byte{0}; });
}

class DamagedFile : public testing::TestWithParam<std::string> {};

TEST_P(DamagedFile, CutAnywhere) {
    const auto bytes = sample_file(GetParam());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        // Of its own, so that the address sanitizer sees a step too far.
        const Bytes part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
        expect_sound(read_layout(part), size);
    }
}

TEST_P(DamagedFile, EveryByteChanged) {
    const auto good = sample_file(GetParam());
    auto bytes = good;
    for (std::size_t at = 0; at < good.size(); ++at) {
        if (is_padding(good, at)) continue;
        for (const auto value : {std::byte{0}, std::byte{0x7f}, std::byte{0xff}}) {
            bytes[at] = value;
            expect_sound(read_layout(bytes), bytes.size());
        }
        bytes[at] = good[at];
    }
}

TEST_P(DamagedFile, EveryLengthHuge) {
    const auto good = sample_file(GetParam());
    for (const std::size_t width : {4U, 8U}) {
        for (std::size_t at = 0; at + width <= good.size(); ++at) {
            if (is_padding(good, at)) continue;
            auto bytes = good;
            std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), width, std::byte{0xff});
            // 2^32 - 1 is too long for the file, 2^63 - 1 wraps around when something is added.
            if (width == 8) bytes[at + 7] = std::byte{0x7f};
            expect_sound(read_layout(bytes), bytes.size());
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Containers, DamagedFile, testing::ValuesIn(sample_names()),
                         [](const auto& name) {
                             auto text = name.param;
                             std::ranges::replace(text, '.', '_');
                             return text;
                         });

Bytes safetensors(std::string_view header, std::size_t data_bytes) {
    Bytes file(8 + header.size() + data_bytes);
    store_le<std::uint64_t>(header.size(), std::span(file).first(8));
    std::ranges::copy(as_bytes(header), file.begin() + 8);
    return file;
}

TEST(Layout, LeavesOutWhatReachesBeyondTheFile) {
    const auto file = safetensors(R"({"a":{"dtype":"F32","shape":[8],"data_offsets":[0,32]},)"
                                  R"("b":{"dtype":"F32","shape":[9],"data_offsets":[32,68]},)"
                                  R"("c":{"dtype":"F32","shape":[8],)"
                                  R"("data_offsets":[18446744073709551584,18446744073709551615]}})",
                                  64);
    const auto layout = read_layout(file);
    ASSERT_EQ(layout.tensors.size(), 1U);
    EXPECT_EQ(describe(layout.tensors[0]), "a f32[8]");
}

TEST(Layout, FlattensShapesThatDoNotFit) {
    const auto file = safetensors(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296,8],)"
                                  R"("data_offsets":[0,32]},"b":{"dtype":"F16","shape":[3,3],)"
                                  R"("data_offsets":[32,64]}})",
                                  64);
    const auto layout = read_layout(file);
    ASSERT_EQ(layout.tensors.size(), 2U);
    EXPECT_EQ(describe(layout.tensors[0]), "a f32[8]");
    EXPECT_EQ(describe(layout.tensors[1]), "b f16[16]");
}

TEST(Layout, KeepsTheFirstOfOverlappingTensors) {
    const auto file = safetensors(R"({"a":{"dtype":"U8","shape":[20],"data_offsets":[10,30]},)"
                                  R"("b":{"dtype":"U8","shape":[20],"data_offsets":[29,49]},)"
                                  R"("c":{"dtype":"U8","shape":[20],"data_offsets":[30,50]}})",
                                  64);
    const auto layout = read_layout(file);
    ASSERT_EQ(layout.tensors.size(), 2U);
    EXPECT_EQ(layout.tensors[0].name, "a");
    EXPECT_EQ(layout.tensors[1].name, "c");
}

TEST(Layout, StopsAtTheLimitOfTensors) {
    std::string header = "{";
    for (std::size_t i = 0; i < max_tensors + 10; ++i) {
        header += R"("":{"dtype":"U8","shape":[16],"data_offsets":[)" + std::to_string(16 * i) +
                  ',' + std::to_string(16 * i + 16) + "]},";
    }
    header.back() = '}';
    const auto file = safetensors(header, 16 * (max_tensors + 10));
    EXPECT_EQ(read_layout(file).tensors.size(), max_tensors);
}

TEST(Layout, DoesNotRecurseIntoDeepJson) {
    const auto deep = std::string(200000, '[');
    const auto file = safetensors(R"({"__metadata__":)" + deep + "}", 64);
    EXPECT_TRUE(read_layout(file).tensors.empty());
}

/// A zip archive of one stored member, which is of the CRC that nobody looks at.
Bytes zip_of(std::string_view name, std::string_view data) {
    Bytes file;
    const auto append = [&](std::string_view text) {
        file.insert(file.end(), as_bytes(text).begin(), as_bytes(text).end());
    };
    const auto append_entry = [&](std::string_view magic, std::size_t zeros) {
        append(magic);
        file.resize(file.size() + zeros);
        append_le<std::uint32_t>(file, static_cast<std::uint32_t>(data.size()));
        append_le<std::uint32_t>(file, static_cast<std::uint32_t>(data.size()));
        append_le<std::uint32_t>(file, static_cast<std::uint32_t>(name.size()));
    };
    append_entry("PK\3\4", 14);
    append(name);
    append(data);
    const auto directory = static_cast<std::uint32_t>(file.size());
    append_entry("PK\1\2", 16);
    file.resize(file.size() + 14);
    append(name);
    const auto end = static_cast<std::uint32_t>(file.size());
    append("PK\5\6");
    append_le<std::uint32_t>(file, 0);
    append_le<std::uint32_t>(file, 0x00010001);
    append_le(file, end - directory);
    append_le(file, directory);
    file.resize(file.size() + 2);
    return file;
}

/// Lists and a mark on the stack, then a tuple of more than stands above the mark.
TEST(Layout, DoesNotTakeTuplesFromBelowAMark) {
    for (const char tuple : {'\x85', '\x86', '\x87'}) {
        const std::string pickle = std::string("\x80\x02]]](") + tuple + "t.";
        const auto archive = zip_of("archive/data.pkl", pickle);
        EXPECT_EQ(read_layout(archive).container, "zip");
        EXPECT_TRUE(read_layout(archive).tensors.empty());
        const std::string legacy =
            std::string("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.") +
            "\x80\x02N.\x80\x02N." + pickle;
        EXPECT_TRUE(read_layout(as_bytes(legacy)).tensors.empty());
    }
}

/// The message as a field of another.
Bytes field_with(unsigned number, const Bytes& message) {
    Bytes outer{static_cast<std::byte>(number << 3 | 2)};
    auto length = message.size();
    for (; length >= 0x80; length >>= 7) outer.push_back(static_cast<std::byte>(length | 0x80));
    outer.push_back(static_cast<std::byte>(length));
    for (const auto byte : message) outer.push_back(byte);
    return outer;
}

/// Graphs in attributes of nodes of graphs.
Bytes nested_onnx(int depth) {
    Bytes message;
    for (int i = 0; i < depth; ++i) {
        for (const unsigned number : {6U, 5U, 1U}) message = field_with(number, message);
    }
    return field_with(7, message);
}

TEST(Layout, DoesNotRecurseIntoDeepGraphs) {
    const auto file = nested_onnx(2000);
    const auto layout = read_layout(file);
    EXPECT_EQ(layout.container, "onnx");
    EXPECT_TRUE(layout.tensors.empty());
}

}  // namespace
}  // namespace strandline::delta
