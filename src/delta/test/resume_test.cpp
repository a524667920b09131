#include <algorithm>
#include <gtest/gtest.h>

#include "delta/test/test_support.h"

namespace strandline::delta {
namespace {

struct Job {
    Bytes old_file;
    Bytes new_file;
    Bytes patch;
    std::size_t prologue = 0;
};

// Three segments of all kinds of content.
Job make_job() {
    Job job;
    const Bytes weights = float_weights(150'000, 1);
    job.old_file = concatenated({metadata_text(50, "1"), weights, random_bytes(900'000, 2)});
    job.new_file = concatenated({metadata_text(51, "2"), fine_tuned(weights, 1e-3, 3),
                                 Bytes(1'000'000), random_bytes(900'000, 2), weights});
    EncodeOptions options;
    options.segment_bytes = 1 << 20;
    options.level = 1;
    job.patch = encode(job.old_file, job.new_file, options).value();
    job.prologue = static_cast<std::size_t>(parse_header(job.patch)->prologue_bytes());
    return job;
}

const Job& shared_job() {
    static const Job job = make_job();
    return job;
}

// Goes on with `written`, and gives the whole output.
Result<Bytes> resumed(const Job& job, Bytes written) {
    const MemoryReader old_reader(job.old_file);
    MemoryWriter rest;
    Applier applier(old_reader, rest);
    TRY(const auto from,
        applier.resume(ByteSpan(job.patch).first(job.prologue), MemoryReader(written)));
    written.resize(static_cast<std::size_t>(from.output_offset));
    TRY(applier.push(ByteSpan(job.patch).subspan(static_cast<std::size_t>(from.patch_offset))));
    TRY(applier.finish());
    return concatenated({written, rest.bytes()});
}

TEST(Resume, ContinuesAfterACutAnywhere) {
    const Job& job = shared_job();
    constexpr std::size_t step = 61'111;
    for (std::size_t cut = job.prologue; cut < job.patch.size(); cut += step) {
        const MemoryReader old_reader(job.old_file);
        MemoryWriter output;
        Applier applier(old_reader, output);
        ASSERT_TRUE(applier.push(ByteSpan(job.patch).first(cut)));
        EXPECT_TRUE(
            std::ranges::equal(applier.prologue(), ByteSpan(job.patch).first(job.prologue)));
        const auto progress = applier.progress();
        EXPECT_LE(progress.patch_offset, cut);
        EXPECT_LE(progress.output_offset, output.bytes().size());
        const auto back = resumed(job, output.take());
        ASSERT_TRUE(back) << cut << ": " << back.error().message;
        EXPECT_EQ(*back, job.new_file) << cut;
    }
}

TEST(Resume, LosesNothingButTheSegmentsThatAreNotIntact) {
    const Job& job = shared_job();
    struct Case {
        const char* what;
        std::size_t keep;    // bytes of the new file that were written
        std::size_t damage;  // offset of a flipped byte, or SIZE_MAX
        std::uint64_t segments;
    };
    constexpr std::size_t segment = 1 << 20;
    for (const auto& c :
         {Case{"nothing written", 0, SIZE_MAX, 0}, Case{"less than a segment", 1000, SIZE_MAX, 0},
          Case{"one segment", segment, SIZE_MAX, 1},
          Case{"two and a half", 2 * segment + segment / 2, SIZE_MAX, 2},
          Case{"torn write in the second", 3 * segment, segment + 5, 1},
          Case{"everything", SIZE_MAX, SIZE_MAX, 3}}) {
        Bytes written(job.new_file.begin(),
                      job.new_file.begin() +
                          static_cast<std::ptrdiff_t>(std::min(c.keep, job.new_file.size())));
        if (c.damage != SIZE_MAX) written[c.damage] ^= std::byte{1};
        const MemoryReader old_reader(job.old_file);
        MemoryWriter rest;
        Applier applier(old_reader, rest);
        const auto from =
            applier.resume(ByteSpan(job.patch).first(job.prologue), MemoryReader(written));
        ASSERT_TRUE(from) << c.what << ": " << from.error().message;
        EXPECT_EQ(from->segments, c.segments) << c.what;
        const auto back = resumed(job, written);
        ASSERT_TRUE(back) << c.what << ": " << back.error().message;
        EXPECT_EQ(*back, job.new_file) << c.what;
    }
}

TEST(Resume, RefusesADamagedPrologueAndAWrongOldFile) {
    const Job& job = shared_job();
    for (const std::size_t at : {std::size_t{20}, job.prologue - 1}) {
        Bytes prologue(job.patch.begin(),
                       job.patch.begin() + static_cast<std::ptrdiff_t>(job.prologue));
        prologue[at] ^= std::byte{1};
        const MemoryReader old_reader(job.old_file);
        MemoryWriter rest;
        EXPECT_FALSE(Applier(old_reader, rest).resume(prologue, MemoryReader({}))) << at;
    }
    const MemoryReader wrong(job.new_file);
    MemoryWriter rest;
    ApplyOptions options;
    options.old_check = OldCheck::first;
    const auto from = Applier(wrong, rest, options)
                          .resume(ByteSpan(job.patch).first(job.prologue), MemoryReader({}));
    ASSERT_FALSE(from);
    EXPECT_EQ(from.error().code, Errc::conflict);
}

TEST(Resume, StartsAFrameBodyFromTheBeginning) {
    const Bytes text = metadata_text(400, "1");
    const auto patch = *encode_as_frame({}, text);
    const MemoryReader none({});
    MemoryWriter output;
    Applier applier(none, output);
    const auto from = applier.resume(ByteSpan(patch).first(header_bytes), MemoryReader(text));
    ASSERT_TRUE(from) << from.error().message;
    EXPECT_EQ(from->output_offset, 0u);
    ASSERT_TRUE(applier.push(ByteSpan(patch).subspan(from->patch_offset)));
    ASSERT_TRUE(applier.finish());
    EXPECT_EQ(output.bytes(), text);
}

}  // namespace
}  // namespace strandline::delta
