#include <algorithm>
#include <array>
#include <gtest/gtest.h>

#include "delta/format/crc32c.h"
#include "delta/format/header.h"
#include "delta/format/record.h"
#include "delta/test/test_forged.h"
#include "delta/test/test_support.h"

namespace strandline::delta {
namespace {

// Counts what reaches the output, and fails the test if anything does after a refusal.
class CountingSink final : public Sink {
public:
    Status write(ByteSpan bytes) override {
        count += bytes.size();
        return {};
    }
    std::uint64_t count = 0;
};

TEST(Damage, TruncationAtEveryByteIsRefused) {
    const auto pair = small_mixed_pair();
    const auto patch = encode(pair.old_file, pair.new_file);
    ASSERT_TRUE(patch);
    for (std::size_t size = 0; size < patch->size(); ++size) {
        const auto back = decode(pair.old_file, ByteSpan(*patch).first(size));
        ASSERT_FALSE(back) << size;
        EXPECT_EQ(back.error().code, Errc::corrupt) << size;
    }
}

TEST(Damage, AFlippedBitNeverGivesWrongOutput) {
    const auto pair = small_mixed_pair();
    const auto made = encode(pair.old_file, pair.new_file);
    ASSERT_TRUE(made);
    Bytes patch = *made;
    for (std::size_t at = 0; at < patch.size(); ++at) {
        for (const auto bit : {std::byte{1} << (at % 8), std::byte{1} << ((at + 3) % 8)}) {
            patch[at] ^= bit;
            const auto back = decode(pair.old_file, patch);
            // A bit that means nothing to the decoder may be flipped; wrong output may never pass.
            EXPECT_TRUE(!back || *back == pair.new_file) << at << " bit " << static_cast<int>(bit);
            patch[at] ^= bit;
        }
    }
}

TEST(Damage, TrailingBytesAreRefused) {
    const auto pair = small_mixed_pair();
    auto patch = *encode(pair.old_file, pair.new_file);
    patch.push_back(std::byte{0});
    for (const std::size_t chunk : {std::size_t{1}, patch.size()}) {
        const auto back = decode(pair.old_file, patch, chunk);
        ASSERT_FALSE(back);
        EXPECT_EQ(back.error().code, Errc::corrupt);
    }
}

TEST(Damage, FrameBodySurvivesNeitherTruncationNorFlips) {
    const Bytes text = metadata_text(40, "1");
    Bytes patch = *encode_as_frame({}, text);
    ASSERT_EQ(*decode({}, patch, 100), text);
    for (std::size_t size = 0; size < patch.size(); ++size) {
        EXPECT_FALSE(decode({}, ByteSpan(patch).first(size))) << size;
    }
    for (std::size_t at = 0; at < patch.size(); ++at) {
        patch[at] ^= std::byte{0x10};
        const auto back = decode({}, patch);
        EXPECT_TRUE(!back || *back == text) << at;
        patch[at] ^= std::byte{0x10};
    }
}

TEST(OldFile, AWrongOneIsRefusedBeforeAnyOutputWhereThatIsWanted) {
    const auto pair = small_mixed_pair();
    const auto patch = *encode(pair.old_file, pair.new_file);
    Bytes other = pair.old_file;
    other.back() ^= std::byte{1};
    const Bytes shorter(pair.old_file.begin(), pair.old_file.end() - 1);
    for (const auto& wrong : {other, shorter}) {
        const MemoryReader reader(wrong);
        CountingSink sink;
        ApplyOptions options;
        options.old_check = OldCheck::first;
        Applier applier(reader, sink, options);
        const auto status = applier.push(patch);
        ASSERT_FALSE(status);
        EXPECT_EQ(status.error().code, Errc::conflict);
        EXPECT_EQ(sink.count, 0u);
        EXPECT_FALSE(applier.push(patch)) << "an applier stays failed";
        EXPECT_FALSE(applier.finish());
    }
}

TEST(OldFile, OnlyItsSizeIsLookedAtWhileAllIsWell) {
    const auto pair = small_mixed_pair();
    const auto patch = *encode(pair.old_file, pair.new_file);
    const MemoryReader shorter(ByteSpan(pair.old_file).first(pair.old_file.size() - 1));
    CountingSink sink;
    EXPECT_EQ(Applier(shorter, sink).push(patch).error().code, Errc::conflict);
    EXPECT_EQ(sink.count, 0u);
}

TEST(OldFile, IsNamedAsTheCulpritWhenItIsTheOne) {
    const auto pair = small_mixed_pair();
    auto patch = *encode(pair.old_file, pair.new_file);
    Bytes other = pair.old_file;
    for (std::size_t at = 0; at < other.size(); at += 512) {
        other[at] ^= std::byte{4};
        const auto back = decode(other, patch);
        if (back) {
            EXPECT_EQ(*back, pair.new_file) << at;
        } else {
            EXPECT_EQ(back.error().code, Errc::conflict) << at << ": " << back.error().message;
        }
        other[at] ^= std::byte{4};
    }
    patch.back() ^= std::byte{1};
    const auto damaged = decode(pair.old_file, patch);
    ASSERT_FALSE(damaged);
    EXPECT_EQ(damaged.error().code, Errc::corrupt);
    other = pair.old_file;
    for (auto& byte : other) byte ^= std::byte{3};
    const auto wrong = decode(other, patch);
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().code, Errc::conflict);
}

TEST(OldFile, AnUncheckedWrongOneNeverGivesWrongOutput) {
    const auto pair = small_mixed_pair();
    const auto patch = *encode(pair.old_file, pair.new_file);
    ApplyOptions options;
    options.old_check = OldCheck::never;
    EXPECT_EQ(*decode(pair.old_file, patch, 100, options), pair.new_file);
    Bytes other = pair.old_file;
    for (auto& byte : other) byte ^= std::byte{3};
    EXPECT_FALSE(decode(other, patch, 100, options));
}

TEST(Limits, AreEnforcedBeforeAnyOutput) {
    const auto pair = small_mixed_pair();
    const auto patch = *encode(pair.old_file, pair.new_file);
    const auto info = parse_header(patch);
    ASSERT_TRUE(info);
    ApplyOptions output;
    output.limits.max_output_bytes = info->new_size - 1;
    ApplyOptions memory;
    memory.limits.max_memory_bytes = info->decoder_memory - 1;
    for (const auto& options : {output, memory}) {
        const auto back = decode(pair.old_file, patch, patch.size(), options);
        ASSERT_FALSE(back);
        EXPECT_EQ(back.error().code, Errc::exhausted);
    }
    ApplyOptions exact;
    exact.limits = {info->new_size, info->decoder_memory};
    EXPECT_TRUE(decode(pair.old_file, patch, patch.size(), exact));
}

TEST(Limits, ApplyingCanBeCancelled) {
    const auto pair = small_mixed_pair();
    ApplyOptions options;
    options.cancelled = [] { return true; };
    const auto back = decode(pair.old_file, *encode(pair.old_file, pair.new_file), 100, options);
    ASSERT_FALSE(back);
    EXPECT_EQ(back.error().code, Errc::cancelled);
}

CodedRecord coded(std::uint64_t length, std::vector<OldRange> windows, ByteSpan payload,
                  std::uint8_t coder = 2) {
    CodedRecord record;
    record.coder = coder;
    record.length = length;
    record.windows = std::move(windows);
    record.payload = payload;
    return record;
}

TEST(Forged, AccidentFreeOnesAreAccepted) {
    const Bytes old_file = random_bytes(1000, 1);
    Bytes records;
    append_copy(records, {0, 1000}, 0);
    EXPECT_EQ(*decode(old_file, forged(old_file, old_file, records)), old_file);
}

// Five GiB of which nothing is stored: each 8-byte word is its own offset.
class HugeFile final : public ReadAt {
public:
    std::uint64_t size() const override { return std::uint64_t{5} << 30; }
    Status read_at(std::uint64_t offset, std::span<std::byte> out) const override {
        for (std::size_t i = 0; i < out.size(); i += 8)
            store_le<std::uint64_t>(offset + i, out.subspan(i, 8));
        return {};
    }
};

TEST(Forged, OffsetsBeyondFourGiBAreReachedInBothDirections) {
    constexpr std::uint64_t far = (std::uint64_t{4} << 30) + 4096;
    Bytes next;
    for (const std::uint64_t start : {far, std::uint64_t{64}}) {
        for (std::uint64_t at = start; at < start + 800; at += 8) append_le(next, at);
    }
    Bytes records;
    append_copy(records, {far, 800}, 0);
    append_copy(records, {64, 800}, far + 800);
    // The header is forged for an empty old file, so the size is put right afterwards.
    auto info = *parse_header(forged({}, next, records));
    info.old_size = HugeFile().size();
    auto patch = forged({}, next, records);
    std::ranges::copy(write_header(info), patch.begin());
    MemoryWriter output;
    ApplyOptions options;
    options.old_check = OldCheck::never;
    const HugeFile old_file;
    Applier applier(old_file, output, options);
    const auto pushed = applier.push(patch);
    ASSERT_TRUE(pushed) << pushed.error().message;
    ASSERT_TRUE(applier.finish());
    EXPECT_EQ(output.bytes(), next);
}

TEST(Forged, RecordsThatDoNotFitAreRefused) {
    const Bytes file = random_bytes(1000, 1);
    std::vector<std::pair<const char*, Bytes>> cases;
    const auto add = [&](const char* name, auto make) {
        make(cases.emplace_back(name, Bytes{}).second);
    };
    add("copy past the end", [](Bytes& out) { append_copy(out, {1, 1000}, 0); });
    add("copy at a huge offset", [](Bytes& out) { append_copy(out, {UINT64_MAX - 10, 1000}, 0); });
    add("copy of a huge length", [](Bytes& out) { append_copy(out, {0, UINT64_MAX}, 0); });
    add("copy of nothing", [](Bytes& out) { append_copy(out, {0, 0}, 0); });
    add("fill past the segment", [](Bytes& out) { append_fill(out, std::byte{1}, 1001); });
    add("huge fill", [](Bytes& out) { append_fill(out, std::byte{1}, UINT64_MAX); });
    add("raw past the segment", [](Bytes& out) { append_raw(out, random_bytes(1001, 1)); });
    add("empty raw", [](Bytes& out) { append_raw(out, {}); });
    add("record longer than declared",
        [](Bytes& out) { append_raw(out, random_bytes(70'000, 1)); });
    add("block longer than declared",
        [](Bytes& out) { append_coded(out, coded(70'000, {}, {}), 0); });
    add("windows larger than declared", [](Bytes& out) {
        append_coded(out, coded(100, std::vector<OldRange>(16, OldRange{0, 1000}), {}), 0);
        append_coded(out, coded(100, {{0, UINT64_MAX}}, {}), 0);
    });
    add("too many windows",
        [](Bytes& out) { append_coded(out, coded(100, std::vector<OldRange>(17), {}), 0); });
    add("planes without payload", [](Bytes& out) { append_coded(out, coded(100, {}, {}), 0); });
    add("zstd without frame", [](Bytes& out) { append_coded(out, coded(100, {}, {}, 1), 0); });
    add("segment cut short", [](Bytes& out) { append_copy(out, {0, 999}, 0); });
    add("half a record", [](Bytes& out) { out.push_back(std::byte{1}); });
    for (const auto& [name, records] : cases) {
        const auto back = decode(file, forged(file, file, records));
        ASSERT_FALSE(back) << name;
        EXPECT_EQ(back.error().code, Errc::corrupt) << name << ": " << back.error().message;
    }
}

TEST(Forged, UnknownRecordsCodersAndVersionsAreRefusedClearly) {
    const Bytes file = random_bytes(100, 1);
    const std::array<std::byte, 3> unknown_record{std::byte{9}, std::byte{1}, std::byte{0}};
    Bytes unknown_coder;
    append_coded(unknown_coder, coded(100, {}, {}, 200), 0);
    Bytes copy;
    append_copy(copy, {0, 100}, 0);
    DeltaInfo next_major;
    next_major.major = format_major + 1;
    for (const auto& patch : {forged(file, file, unknown_record), forged(file, file, unknown_coder),
                              forged(file, file, copy, next_major)}) {
        const auto back = decode(file, patch);
        ASSERT_FALSE(back);
        EXPECT_EQ(back.error().code, Errc::invalid);
        EXPECT_NE(back.error().message.find("update it"), std::string::npos)
            << back.error().message;
    }
    DeltaInfo next_minor;
    next_minor.minor = 7;
    EXPECT_EQ(*decode(file, forged(file, file, copy, next_minor)), file)
        << "a newer minor version is read";
}

TEST(Forged, AHeaderThatDeclaresTooLittleMemoryIsRefused) {
    DeltaInfo info;
    info.segment_bytes = 1 << 20;
    info.new_size = 1 << 20;
    info.patch_size = 1000;
    info.block_bytes = 1 << 20;
    info.decoder_memory = 1000;
    const auto parsed = parse_header(write_header(info));
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().code, Errc::corrupt);
}

TEST(Header, ComesBackAsItWas) {
    const auto pair = small_mixed_pair();
    const auto patch = *encode(pair.old_file, pair.new_file);
    const auto info = read_info(MemoryReader(patch));
    ASSERT_TRUE(info);
    EXPECT_EQ(info->patch_size, patch.size());
    EXPECT_TRUE(info->is_old(sha256(pair.old_file)));
    EXPECT_TRUE(info->is_new(sha256(pair.new_file)));
    const auto again = parse_header(write_header(*info));
    ASSERT_TRUE(again);
    EXPECT_EQ(again->old_size, info->old_size);
    EXPECT_EQ(again->block_bytes, info->block_bytes);
    EXPECT_EQ(again->decoder_memory, info->decoder_memory);
}

TEST(Header, SomethingElseIsNotADelta) {
    const auto info = parse_header(metadata_text(10, "1"));
    ASSERT_FALSE(info);
    EXPECT_EQ(info.error().code, Errc::invalid);
}

}  // namespace
}  // namespace strandline::delta
