#include "delta/coder/zstd_codec.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <vector>

#include "delta/format/crc32c.h"
#include "delta/format/header.h"
#include "delta/format/record.h"
#include "delta/test/test_forged.h"
#include "delta/test/test_support.h"

// A delta holds frames of RFC 8878, one where one belongs; the library would read more than these.
namespace strandline::delta {
namespace {

struct Case {
    const char* name;
    Bytes bytes;
};

Bytes content() { return metadata_text(20, "1"); }

Bytes good_frame() {
    ZstdEncoder zstd;
    const Bytes bytes = content();
    const auto frame = zstd.encode(bytes, {}, 3, bytes.size());
    return {frame.begin(), frame.end()};
}

// What zstd 0.7 wrote: here one raw block, in a window of 128 MiB.
Bytes old_frame(ByteSpan bytes) {
    Bytes frame;
    append_le<std::uint32_t>(frame, 0xfd2fb527);
    frame.push_back(std::byte{0});
    frame.push_back(std::byte{17 << 3});
    for (const std::size_t head : {0x400000 | bytes.size()}) {
        for (const int shift : {16, 8, 0}) frame.push_back(static_cast<std::byte>(head >> shift));
    }
    frame.insert(frame.end(), bytes.begin(), bytes.end());
    frame.insert(frame.end(), {std::byte{0xc0}, std::byte{0}, std::byte{0}});
    return frame;
}

Bytes skippable_frame() {
    Bytes frame;
    append_le<std::uint32_t>(frame, 0x184d2a50);
    append_le<std::uint32_t>(frame, 3);
    frame.resize(frame.size() + 3);
    return frame;
}

// Each would give content() if the library were asked.
std::vector<Case> wrong_frames() {
    ZstdEncoder zstd;
    const Bytes bytes = content();
    const auto half = ByteSpan(bytes).first(bytes.size() / 2);
    const auto other = ByteSpan(bytes).subspan(half.size());
    const auto frame_of = [&](ByteSpan part) {
        const auto frame = zstd.encode(part, {}, 3, part.size());
        return Bytes(frame.begin(), frame.end());
    };
    return {{"old", old_frame(bytes)},
            {"two", concatenated({frame_of(half), frame_of(other)})},
            {"skippable first", concatenated({skippable_frame(), good_frame()})},
            {"skippable last", concatenated({good_frame(), skippable_frame()})},
            {"skippable alone", skippable_frame()},
            {"nothing", {}}};
}

// A delta that is nothing but this frame.
Bytes as_body(ByteSpan frame, ByteSpan new_file) {
    DeltaInfo info;
    info.segment_bytes = 1 << 20;
    info.old_sha256 = sha256(ByteSpan{});
    info.new_size = new_file.size();
    info.new_sha256 = sha256(new_file);
    info.body = BodyKind::frame;
    info.reference_bytes = 1 << 17;
    info.patch_size = header_bytes + frame.size();
    info.decoder_memory = static_cast<std::uint32_t>(required_memory(info));
    return concatenated({write_header(info), frame});
}

// A delta that has a block of it.
Bytes as_block(ByteSpan frame, ByteSpan new_file) {
    CodedRecord record;
    record.coder = 1;
    record.length = new_file.size();
    record.payload = frame;
    Bytes records;
    append_coded(records, record, 0);
    return forged({}, new_file, records);
}

TEST(ZstdCodec, ReadsOneFrameOfTheStandardAndNothingElse) {
    const Bytes bytes = content();
    ZstdDecoder decoder;
    Bytes out(bytes.size());
    ASSERT_TRUE(decoder.decode(good_frame(), {}, out));
    EXPECT_EQ(out, bytes);
    for (const auto& [name, wrong] : wrong_frames()) {
        const auto status = decoder.decode(wrong, {}, out);
        ASSERT_FALSE(status) << name;
        EXPECT_EQ(status.error().code, Errc::corrupt) << name;
    }
    EXPECT_TRUE(decoder.decode(good_frame(), {}, out));
}

TEST(ZstdCodec, DeltasOfOtherFramesAreRefused) {
    const Bytes bytes = content();
    for (const std::size_t piece : {1, 3, 1 << 16}) {
        EXPECT_EQ(decode({}, as_body(good_frame(), bytes), piece), bytes);
        EXPECT_EQ(decode({}, as_block(good_frame(), bytes), piece), bytes);
        for (const auto& [name, wrong] : wrong_frames()) {
            for (const auto& patch : {as_body(wrong, bytes), as_block(wrong, bytes)}) {
                const auto back = decode({}, patch, piece);
                ASSERT_FALSE(back) << name;
                EXPECT_EQ(back.error().code, Errc::corrupt) << name << back.error().message;
            }
        }
    }
}

// Whatever the pieces, before the library has seen enough to allocate its window.
TEST(ZstdCodec, AStreamIsRefusedAtTheFirstByteThatIsNotOfAFrame) {
    const Bytes wrong = old_frame(content());
    for (const std::size_t piece : {1, 2, 4, 100}) {
        ZstdFrameReader reader(1 << 17);
        Bytes out(1024);
        const auto step = reader.read(ByteSpan(wrong).first(piece), out);
        ASSERT_FALSE(step);
        EXPECT_EQ(step.error().code, Errc::corrupt);
    }
    Bytes nearly = wrong;
    nearly[0] = std::byte{0x28};
    nearly[3] = std::byte{0xfc};
    ZstdFrameReader reader(1 << 17);
    Bytes out(1024);
    for (std::size_t at = 0; at < 3; ++at)
        ASSERT_TRUE(reader.read(ByteSpan(nearly).subspan(at, 1), out));
    EXPECT_FALSE(reader.read(ByteSpan(nearly).subspan(3, 1), out));
}

}  // namespace
}  // namespace strandline::delta
