#include <gtest/gtest.h>
#include <optional>

#include "base/random.h"
#include "delta/format/header.h"
#include "delta/format/short_prologue.h"
#include "delta/test/test_random_pair.h"

// A delta that is cut after any number of bytes: what was written by then is gone on with, but for
// one segment at most, and nothing incomplete looks like the new file.
namespace strandline::delta {
namespace {

struct Case {
    FilePair pair;
    Bytes patch;
    std::size_t prologue = 0;
};

// Sizes from a few hundred bytes to three segments; most deltas are of one segment, as in
// practice all that are so small are.
std::optional<Case> make_case(std::uint64_t seed) {
    SeededRandom random(seed);
    const bool many = seed % 10 == 0;
    Case result;
    result.pair = random_pair(seed, many ? 100'000 : 300 + random.below(4000));
    if (many) {
        // Large enough for several segments, and nearly the same, so that the delta is short.
        const Bytes tail = sparsely_changed(result.pair.old_file, 4000, seed);
        result.pair.new_file = concatenated({metadata_text(3, "2"), tail, Bytes(70'000)});
    }
    EncodeOptions options;
    options.segment_bytes = 64u << 10;
    options.max_decoder_memory = random.below(3) == 0 ? 512u << 10 : 8u << 20;
    options.in_place = many;
    auto patch = seed % 25 == 7 ? encode_as_frame(result.pair.old_file, result.pair.new_file)
                                : encode(result.pair.old_file, result.pair.new_file, options);
    EXPECT_TRUE(patch) << patch.error().message;
    if (!patch) return std::nullopt;
    result.patch = std::move(*patch);
    auto info = parse_header(result.patch);
    if (info && info->short_prologue_bytes != 0 && random.below(3) == 0) {
        result.patch = with_long_prologue(result.pair, result.patch);
        info = parse_header(result.patch);
    }
    EXPECT_TRUE(info);
    result.prologue = static_cast<std::size_t>(info->prologue_bytes());
    return result;
}

// What a reader that keeps prologue and output makes of the rest.
class Resumed {
public:
    Resumed(const Case& job, ByteSpan written) : job_(job), old_(job.pair.old_file) {
        const auto from =
            applier_.resume(ByteSpan(job.patch).first(job.prologue), MemoryReader(written));
        EXPECT_TRUE(from) << from.error().message;
        if (from) from_ = *from;
        kept_ = written.first(static_cast<std::size_t>(from_.output_offset));
    }
    [[nodiscard]] const ApplyProgress& from() const { return from_; }
    void expect_finish() {
        ASSERT_TRUE(applier_.push(
            ByteSpan(job_.patch).subspan(static_cast<std::size_t>(from_.patch_offset))));
        ASSERT_TRUE(applier_.finish());
        EXPECT_EQ(concatenated({kept_, rest_.bytes()}), job_.pair.new_file) << job_.pair.name;
    }

private:
    const Case& job_;
    MemoryReader old_;
    MemoryWriter rest_;
    Applier applier_{old_, rest_};
    ApplyProgress from_;
    ByteSpan kept_;
};

void expect_that_cuts_do_no_harm(const Case& job) {
    const MemoryReader old_file(job.pair.old_file);
    MemoryWriter output;
    Applier applier(old_file, output);
    std::size_t written = SIZE_MAX;
    for (std::size_t cut = 0; cut < job.patch.size(); ++cut) {
        if (cut > 0) {
            const auto pushed = applier.push(ByteSpan(job.patch).subspan(cut - 1, 1));
            ASSERT_TRUE(pushed) << pushed.error().message;
        }
        ASSERT_FALSE(applier.complete()) << job.pair.name << ", " << cut;
        // Without a whole prologue there is nothing to go on with.
        ASSERT_EQ(applier.prologue().size(), cut < job.prologue ? 0 : job.prologue);
        // Nothing is different after a cut that leaves the same output.
        if (cut < job.prologue || output.bytes().size() == written) continue;
        written = output.bytes().size();
        Resumed resumed(job, output.bytes());
        EXPECT_EQ(resumed.from().segments, applier.progress().segments);
        EXPECT_LE(resumed.from().patch_offset, cut);
        resumed.expect_finish();
        if (testing::Test::HasFailure()) return;
    }
    EXPECT_FALSE(applier.finish()) << "a byte is missing";
}

TEST(Cuts, AtEveryByteOfTwoHundredDeltasDoNoHarm) {
    constexpr std::uint64_t deltas = 200;
    int features = 0;
    int bodies = 0;
    int prologues = 0;
    for (std::uint64_t seed = 1; seed <= deltas; ++seed) {
        const auto job = make_case(seed);
        ASSERT_TRUE(job);
        const auto info = parse_header(job->patch);
        features |= info->features;
        bodies |= 1 << static_cast<int>(info->body);
        prologues |= info->short_prologue_bytes != 0 ? 1 : 2;
        expect_that_cuts_do_no_harm(*job);
        if (HasFailure()) return;
    }
    EXPECT_EQ(features, known_features) << "every kind of content was cut";
    EXPECT_EQ(bodies, 3);
    EXPECT_EQ(prologues, 3);
}

}  // namespace
}  // namespace strandline::delta
