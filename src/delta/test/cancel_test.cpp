#include <algorithm>
#include <gtest/gtest.h>

#include "delta/apply.h"
#include "delta/coder/zstd_codec.h"
#include "delta/format/crc32c.h"
#include "delta/format/header.h"
#include "delta/format/record.h"
#include "delta/in_place.h"
#include "delta/test/test_cut_medium.h"
#include "delta/test/test_support.h"

// Few bytes of a delta can mean much work, which its caller must be able to end.
namespace strandline::delta {
namespace {

constexpr std::uint64_t large_bytes = std::uint64_t{64} << 20;

// Zeros that are in no memory.
class Zeros final : public ReadAt {
public:
    std::uint64_t size() const override { return large_bytes; }
    Status read_at(std::uint64_t /*offset*/, std::span<std::byte> out) const override {
        std::ranges::fill(out, std::byte{0});
        return {};
    }
};

class Nowhere final : public Sink {
public:
    Status write(ByteSpan bytes) override {
        count += bytes.size();
        return {};
    }
    std::uint64_t count = 0;
};

// One segment of these records, which make zeros.
Bytes delta_of_zeros(ByteSpan records, std::uint64_t new_size, std::uint8_t features = 0) {
    DeltaInfo info;
    info.features = features;
    info.segment_bytes = 64u << 20;
    info.old_size = info.new_size = new_size;
    info.record_bytes = 1024;
    info.block_bytes = 1024;
    info.reference_bytes = 1u << 20;
    info.patch_size = info.prologue_bytes() + records.size();
    info.decoder_memory = static_cast<std::uint32_t>(required_memory(info));
    std::uint32_t crc = 0;
    const Bytes zeros(1u << 20);
    Sha256 hash;
    for (std::uint64_t at = 0; at < new_size; at += zeros.size()) {
        const auto part = ByteSpan(zeros).first(
            static_cast<std::size_t>(std::min<std::uint64_t>(zeros.size(), new_size - at)));
        crc = crc32c(part, crc);
        hash.update(part);
    }
    info.old_sha256 = info.new_sha256 = hash.finish();
    const Bytes index = write_index({{static_cast<std::uint32_t>(records.size()), crc}});
    info.index_crc32c = crc32c(index);
    return concatenated({write_header(info), index, records});
}

Bytes one_copy() {
    Bytes records;
    append_copy(records, {0, large_bytes}, 0);
    return delta_of_zeros(records, large_bytes);
}

// A caller who counts how often it is asked, and says so at one of them.
struct Caller {
    explicit Caller(int end = 1 << 30) : last(end) {
        options.old_check = OldCheck::never;
        options.cancelled = [this] { return ++asked >= last; };
    }
    Caller(const Caller&) = delete;
    Caller& operator=(const Caller&) = delete;
    int last;
    int asked = 0;
    ApplyOptions options;
};

TEST(Cancel, OneLongCopyIsEndedWhenTheCallerWantsNoMore) {
    const Bytes patch = one_copy();
    const Zeros read;
    const Bytes bytes(large_bytes);
    const MemoryReader in_memory(bytes);
    for (const ReadAt* old_file :
         {static_cast<const ReadAt*>(&read), static_cast<const ReadAt*>(&in_memory)}) {
        Caller patient;
        Nowhere output;
        Applier whole(*old_file, output, patient.options);
        ASSERT_TRUE(whole.push(patch));
        ASSERT_TRUE(whole.finish());
        EXPECT_GE(patient.asked, 10);
        Caller hasty(5);
        Nowhere part;
        Applier applier(*old_file, part, hasty.options);
        const auto pushed = applier.push(patch);
        ASSERT_FALSE(pushed);
        EXPECT_EQ(pushed.error().code, Errc::cancelled);
        EXPECT_EQ(hasty.asked, 5);
        EXPECT_LT(part.count, large_bytes / 2);
    }
}

// Each block is of one byte, for which a MiB of the old file is read.
TEST(Cancel, LongReferencesOfShortBlocksAreEnded) {
    constexpr std::uint64_t blocks = 80;
    const Bytes old_file(1u << 20);
    Bytes records;
    ZstdEncoder zstd;
    const Bytes zero(1);
    const auto frame = zstd.encode(zero, {}, 1, 100);
    for (std::uint64_t i = 0; i < blocks; ++i) {
        CodedRecord record;
        record.coder = 1;
        record.length = 1;
        record.windows = {{0, old_file.size()}};
        record.payload = frame;
        append_coded(records, record, i);
    }
    append_copy(records, {0, old_file.size() - blocks}, blocks);
    const Bytes patch = delta_of_zeros(records, old_file.size());
    for (const int last : {1 << 30, 9}) {
        Caller caller(last);
        const auto back = decode(old_file, patch, patch.size(), caller.options);
        EXPECT_EQ(back.has_value(), last > 9);
        if (!back) {
            EXPECT_EQ(back.error().code, Errc::cancelled);
        }
        EXPECT_GE(caller.asked, std::min(last, 10));
    }
}

TEST(Cancel, LookingForWhatIsIntactIsEnded) {
    const Bytes patch = one_copy();
    const Zeros file;
    for (const int last : {1 << 30, 12}) {
        Caller caller(last);
        Nowhere output;
        Applier applier(file, output, caller.options);
        const auto start = applier.resume(ByteSpan(patch).first(header_bytes + 8), file);
        EXPECT_EQ(start.has_value(), last > 12);
        if (!start) {
            EXPECT_EQ(start.error().code, Errc::cancelled);
        }
        EXPECT_GE(caller.asked, std::min(last, 30)) << "CRC and hash are two passes";
    }
}

TEST(Cancel, OneLongSegmentInPlaceIsEndedAndTheFileStays) {
    constexpr std::uint64_t size = std::uint64_t{16} << 20;
    Bytes records;
    append_copy(records, {0, size}, 0);
    Bytes patch = delta_of_zeros(records, size, feature_in_place);
    Caller patient;
    CutMedium whole(Bytes(size), {});
    // The new file is the old one, so the delta has to say another for there to be work.
    auto info = *parse_header(patch);
    info.new_sha256 = sha256(as_bytes("another"));
    std::ranges::copy(write_header(info), patch.begin());
    const auto failed =
        apply_in_place(whole.file, whole.journal, MemoryReader(patch), patient.options);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, Errc::corrupt);
    Caller hasty(7);
    CutMedium medium(Bytes(size), {});
    const auto done =
        apply_in_place(medium.file, medium.journal, MemoryReader(patch), hasty.options);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, Errc::cancelled);
    EXPECT_EQ(medium.file.bytes(), Bytes(size));
    EXPECT_TRUE(medium.journal.bytes().empty());
}

}  // namespace
}  // namespace strandline::delta
