#include "delta/in_place.h"

#include <gtest/gtest.h>

#include "delta/apply/prologue.h"
#include "delta/apply/segment_decoder.h"
#include "delta/format/header.h"
#include "delta/format/old_access.h"
#include "delta/test/test_cut_medium.h"
#include "delta/test/test_random_pair.h"

namespace strandline::delta {
namespace {

constexpr std::uint32_t segment_bytes = 64u << 10;
constexpr std::size_t journal_bytes = 8192 + segment_bytes;

struct Job {
    FilePair pair;
    Bytes patch;
};

Job job_of(FilePair pair) {
    EncodeOptions options;
    options.in_place = true;
    options.segment_bytes = segment_bytes;
    options.level = 1;
    Job job{std::move(pair), {}};
    auto patch = encode(job.pair.old_file, job.pair.new_file, options);
    EXPECT_TRUE(patch) << patch.error().message;
    if (patch) job.patch = std::move(*patch);
    return job;
}

// Three segments; what stays in the middle moves towards the end.
const Job& growing_job() {
    static const Job job = [] {
        const Bytes weights = float_weights(30'000, 1);
        return job_of({"growing", concatenated({metadata_text(20, "1"), weights}),
                       concatenated({metadata_text(600, "2"), fine_tuned(weights, 1e-3, 2)})});
    }();
    return job;
}

const Job& shrinking_job() {
    static const Job job =
        job_of({"shrinking", growing_job().pair.new_file, growing_job().pair.old_file});
    return job;
}

Status update(CutMedium& medium, ByteSpan patch) {
    const auto info = apply_in_place(medium.file, medium.journal, MemoryReader(patch));
    if (!info) return info.error();
    return {};
}

std::uint8_t features_of(const Job& job) { return parse_header(job.patch)->features; }

TEST(InPlace, ReplacesLongerAndShorterFiles) {
    for (const auto* job : {&growing_job(), &shrinking_job()}) {
        CutMedium medium(job->pair.old_file, {});
        const auto done = update(medium, job->patch);
        ASSERT_TRUE(done) << done.error().message;
        EXPECT_EQ(medium.file.bytes(), job->pair.new_file);
        EXPECT_TRUE(medium.journal.bytes().empty());
        EXPECT_LT(job->patch.size(), job->pair.new_file.size() * 7 / 10) << "old values are used";
        ASSERT_TRUE(update(medium, job->patch)) << "again, when it is done";
        EXPECT_EQ(medium.file.bytes(), job->pair.new_file);
    }
    EXPECT_NE(features_of(growing_job()) & feature_downwards, 0);
    EXPECT_EQ(features_of(shrinking_job()) & feature_downwards, 0);
}

TEST(InPlace, DeltasForItCanAlsoBeAppliedElsewhere) {
    const auto& job = growing_job();
    EXPECT_EQ(*decode(job.pair.old_file, job.patch), job.pair.new_file);
}

TEST(InPlace, EmptyFilesWork) {
    const Bytes text = metadata_text(2000, "1");
    for (const auto& pair :
         {FilePair{"", {}, text}, FilePair{"", text, {}}, FilePair{"", {}, {}}}) {
        const Job job = job_of(pair);
        CutMedium medium(pair.old_file, {});
        ASSERT_TRUE(update(medium, job.patch));
        EXPECT_EQ(medium.file.bytes(), pair.new_file);
    }
}

// How many changes an application makes when nobody disturbs it.
std::uint64_t steps_of(const Job& job) {
    for (std::uint64_t most = 64;; most *= 2) {
        std::uint64_t low = 0;
        std::uint64_t high = most;
        const auto enough = [&](std::uint64_t steps) {
            CutMedium medium(job.pair.old_file, {});
            medium.cut_after(steps);
            return update(medium, job.patch).has_value();
        };
        if (!enough(most)) continue;
        while (low + 1 < high) {
            const std::uint64_t middle = (low + high) / 2;
            (enough(middle) ? high : low) = middle;
        }
        return high;
    }
}

void expect_recovery(const Job& job, std::uint64_t cut, CutMedium::Loss loss, bool twice) {
    CutMedium medium(job.pair.old_file, {});
    medium.cut_after(cut);
    ASSERT_FALSE(update(medium, job.patch));
    medium.power_up(loss, cut);
    if (twice) {
        medium.cut_after(1 + cut % 40);
        if (!update(medium, job.patch)) medium.power_up(loss, cut + 1);
        medium.cut_after(UINT64_MAX);
    }
    const auto done = update(medium, job.patch);
    ASSERT_TRUE(done) << job.pair.name << ", cut at " << cut << ": " << done.error().message;
    ASSERT_EQ(medium.file.bytes(), job.pair.new_file) << job.pair.name << ", cut at " << cut;
    ASSERT_TRUE(medium.journal.bytes().empty());
}

void expect_recovery_everywhere(const Job& job) {
    using Loss = CutMedium::Loss;
    const std::uint64_t steps = steps_of(job);
    for (std::uint64_t cut = 1; cut < steps; ++cut) {
        for (const auto loss : {Loss::none, Loss::all, Loss::some}) {
            expect_recovery(job, cut, loss, loss == Loss::some);
            if (testing::Test::HasFatalFailure()) return;
        }
    }
}

TEST(InPlace, SurvivesACutAtEveryWrite) {
    expect_recovery_everywhere(growing_job());
    expect_recovery_everywhere(shrinking_job());
}

TEST(InPlace, RandomModelsSurviveACutAtEveryWrite) {
    for (std::uint64_t seed = 1; seed <= 2; ++seed) {
        expect_recovery_everywhere(job_of(random_pair(seed, 100'000)));
        if (HasFatalFailure()) return;
    }
}

// The state after `steps` changes, when only the program was killed.
void interrupt(CutMedium& medium, ByteSpan patch, std::uint64_t steps) {
    medium.cut_after(steps);
    ASSERT_FALSE(update(medium, patch));
    medium.power_up(CutMedium::Loss::none, 1);
}

TEST(InPlace, AJournalOfAnotherDeltaCountsNothing) {
    CutMedium other(shrinking_job().pair.old_file, {});
    interrupt(other, shrinking_job().patch, steps_of(shrinking_job()) / 2);
    ASSERT_FALSE(other.journal.bytes().empty());
    const auto& job = growing_job();
    CutMedium fresh(job.pair.old_file, other.journal.bytes());
    ASSERT_TRUE(update(fresh, job.patch));
    EXPECT_EQ(fresh.file.bytes(), job.pair.new_file);
    // The file in the midst of another update is not touched.
    const Bytes before = other.file.bytes();
    const auto refused = update(other, job.patch);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::conflict);
    EXPECT_EQ(other.file.bytes(), before);
    ASSERT_TRUE(update(other, shrinking_job().patch)) << "the first delta still goes on";
    EXPECT_EQ(other.file.bytes(), shrinking_job().pair.new_file);
}

TEST(InPlace, DamageIsFoundAndNeverMakesAWrongFileLookRight) {
    const auto& job = shrinking_job();
    const std::uint64_t steps = steps_of(job);
    for (std::uint64_t cut = 2; cut < steps; cut += 7) {
        for (const std::uint64_t at : {20, 4096 + 20, 8192 + 20, 8192 + 60'000}) {
            CutMedium medium(job.pair.old_file, {});
            interrupt(medium, job.patch, cut);
            if (medium.journal.size() <= at) continue;
            medium.journal.damage(at);
            const auto done = update(medium, job.patch);
            if (done) {
                EXPECT_EQ(medium.file.bytes(), job.pair.new_file) << cut << ", " << at;
            } else {
                EXPECT_NE(done.error().message.find("as a whole"), std::string::npos);
            }
        }
        for (std::uint64_t at = 5; at < job.pair.new_file.size(); at += 50'000) {
            CutMedium medium(job.pair.old_file, {});
            interrupt(medium, job.patch, cut);
            medium.file.damage(at);
            const auto done = update(medium, job.patch);
            EXPECT_TRUE(!done || medium.file.bytes() == job.pair.new_file) << cut << ", " << at;
        }
    }
}

TEST(InPlace, AForeignFileIsRefusedAndLeftAlone) {
    const auto& job = growing_job();
    Bytes foreign = job.pair.old_file;
    foreign[foreign.size() / 2] ^= std::byte{1};
    for (const auto& file : {foreign, Bytes(100), Bytes{}}) {
        CutMedium medium(file, {});
        const auto refused = update(medium, job.patch);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, Errc::conflict);
        EXPECT_EQ(medium.file.bytes(), file);
        EXPECT_TRUE(medium.journal.bytes().empty());
    }
    // Put there in the midst of an update.
    CutMedium begun(job.pair.old_file, {});
    interrupt(begun, job.patch, steps_of(job) * 3 / 4);
    CutMedium replaced(foreign, begun.journal.bytes());
    EXPECT_EQ(update(replaced, job.patch).error().code, Errc::conflict);
    EXPECT_EQ(replaced.file.bytes(), foreign);
    CutMedium restored(job.pair.old_file, begun.journal.bytes());
    ASSERT_TRUE(update(restored, job.patch)) << "the old file has come back";
    EXPECT_EQ(restored.file.bytes(), job.pair.new_file);
}

TEST(InPlace, WithoutRoomNothingIsChanged) {
    const auto& job = growing_job();
    const auto growth = job.pair.new_file.size() - job.pair.old_file.size();
    for (const std::size_t room : {std::size_t{100}, std::min(journal_bytes, growth) - 1,
                                   std::max(journal_bytes, growth) - 1}) {
        CutMedium medium(job.pair.old_file, {});
        medium.set_room(room);
        const auto refused = update(medium, job.patch);
        if (journal_bytes <= room && growth <= room) continue;
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, Errc::exhausted);
        EXPECT_EQ(medium.file.bytes(), job.pair.old_file);
        EXPECT_TRUE(medium.journal.bytes().empty());
    }
}

TEST(InPlace, ADamagedDeltaLeavesTheOldFileOrOneToGoOnWith) {
    const auto& job = growing_job();
    for (std::size_t at = 0; at < job.patch.size(); at += 997) {
        Bytes patch = job.patch;
        patch[at] ^= std::byte{4};
        CutMedium medium(job.pair.old_file, {});
        ASSERT_FALSE(update(medium, patch)) << at;
        ASSERT_TRUE(update(medium, job.patch)) << at;
        ASSERT_EQ(medium.file.bytes(), job.pair.new_file) << at;
    }
}

TEST(InPlace, ADeltaWrongInTheMiddleSaysThatTheFileHasBegunToChange) {
    const auto& job = shrinking_job();
    const auto prologue = read_prologue(MemoryReader(job.patch), {});
    ASSERT_TRUE(prologue);
    ASSERT_GT(prologue->info.segments(), 1);
    const std::uint64_t second =
        prologue->bytes.size() + index_entry(prologue->index, 0).encoded_bytes;
    for (std::uint64_t at = second; at < second + 16; ++at) {
        for (int bit = 0; bit < 8; ++bit) {
            Bytes patch = job.patch;
            patch[at] ^= std::byte{1} << bit;
            CutMedium medium(job.pair.old_file, {});
            const auto done = update(medium, patch);
            if (done) {  // a bit that does not matter
                EXPECT_EQ(medium.file.bytes(), job.pair.new_file) << at;
                continue;
            }
            EXPECT_EQ(done.error().code, Errc::corrupt) << done.error().message;
            EXPECT_NE(done.error().message.find("1 of "), std::string::npos)
                << done.error().message;
        }
    }
}

TEST(InPlace, OtherDeltasAreRefused) {
    const auto& pair = growing_job().pair;
    CutMedium medium(pair.old_file, {});
    const auto refused = update(medium, *encode(pair.old_file, pair.new_file));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::invalid);
    EXPECT_EQ(medium.file.bytes(), pair.old_file);
}

TEST(InPlace, SegmentsMayNotReferToWhatIsReplaced) {
    auto info = *parse_header(growing_job().patch);
    info.old_size = 1'000'000;
    info.features = feature_in_place;
    EXPECT_EQ(old_access(info).at(segment_bytes), (OldRange{65'536, 934'464}));
    EXPECT_EQ(old_access(info).at(2'000'000).length, 0u);
    info.features |= feature_downwards;
    EXPECT_EQ(old_access(info).at(segment_bytes), (OldRange{0, 131'072}));
    info.block_bytes = info.reference_bytes = 1000;
    for (const int features : {0, feature_in_place + 0, feature_in_place | feature_downwards}) {
        info.features = static_cast<std::uint8_t>(features);
        const Bytes old_file(1'000'000);
        const MemoryReader old_reader(old_file);
        MemoryWriter output;
        SegmentDecoder decoder(info, old_reader, output);
        const bool upwards = features == feature_in_place;
        decoder.begin(upwards ? segment_bytes : 0, 10);
        Bytes at_start;
        append_copy(at_start, {65'536 - 1, 10}, upwards ? segment_bytes : 0);
        EXPECT_EQ(decoder.run(1, ByteSpan(at_start).subspan(2)).has_value(), features == 0);
    }
    info.features = 0;
    EXPECT_EQ(old_access(info).at(segment_bytes), (OldRange{0, 1'000'000}));
}

}  // namespace
}  // namespace strandline::delta
