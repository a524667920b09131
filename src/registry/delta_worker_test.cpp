#include "registry/delta_worker.h"

#include <fstream>

#include "registry/blob_references.h"
#include "registry/release_service.h"
#include "registry/test_hub.h"

namespace strandline::registry {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::code_of;
using test::must;

/// Writes what it is told to.
class FakeBuilder final : public DeltaBuilder {
public:
    Result<DeltaBuild> build(const DeltaFiles& files,
                             const std::function<bool()>& keep_going) override {
        ++builds;
        if (during) during();
        if (!keep_going()) return fail(Errc::cancelled, "told to stop");
        if (error) return *error;
        if (full_is_better) return DeltaBuild{};
        std::ofstream(files.output, std::ios::binary) << content;
        return DeltaBuild{content.size(), shares};
    }

    std::string content = "delta";
    std::vector<DeltaShare> shares{{"numbers", 4900, 3}, {"raw", 101, 2}};
    bool full_is_better = false;
    std::optional<Error> error;
    std::function<void()> during;
    int builds = 0;
};

class DeltaJobs : public test::HubTest {
protected:
    DeltaJobs() {
        must(service.create(request("face", "1.0.0", one)));
        must(service.create(request("face", "2.0.0", two)));
        must(jobs.enqueue(std::vector{pair}));
        worker.set_events(recorder());
        events.clear();
    }
    [[nodiscard]] DeltaJob job() const { return must(jobs.find(pair)).value(); }
    [[nodiscard]] bool run() {
        return must(worker.run_once([] { return true; }));
    }

    const std::string one = std::string(5000, 'a');
    const std::string two = std::string(5000, 'a') + "b";
    const DeltaPair pair{sha256(one), sha256(two)};
    ReleaseService service{*database, *blobs, clock, signer(trust::manifest_type), {}};
    DeltaJobStore jobs{*database, clock, {3, milliseconds{1000}, milliseconds{60'000}}};
    FakeBuilder builder;
    DeltaWorker worker{jobs, *blobs, builder, clock, {"w1", seconds{60}}};
    SeededRandom random{7};
};
STRANDLINE_ON_EVERY_DATABASE(DeltaJobs);

TEST_P(DeltaJobs, AreQueuedOncePerPairOfKnownFiles) {
    const DeltaPair same{pair.base, pair.base};
    const DeltaPair unknown_base{sha256("nobody"), pair.target};
    const DeltaPair unknown_target{pair.base, sha256("nobody")};
    EXPECT_EQ(must(jobs.enqueue(std::vector{pair, same, unknown_base, unknown_target})), 0U);
    EXPECT_EQ(must(jobs.enqueue(std::vector{DeltaPair{pair.target, pair.base}})), 1U);
    EXPECT_EQ(job().state, DeltaState::queued);
    EXPECT_EQ(job().full_size, two.size());
    EXPECT_EQ(must(jobs.counts()).queued, 2);
    EXPECT_EQ(must(jobs.list(DeltaState::queued, {1, ""})).items.size(), 1U);
    EXPECT_TRUE(must(jobs.list(DeltaState::built, {})).items.empty());
}

TEST_P(DeltaJobs, EndWithAStoredDelta) {
    EXPECT_TRUE(run());
    EXPECT_EQ(job().state, DeltaState::built);
    EXPECT_EQ(job().delta, sha256("delta"));
    EXPECT_EQ(job().delta_size, 5U);
    EXPECT_EQ(job().shares, builder.shares);
    must(blobs->verify(sha256("delta")));
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].type, "delta.built");
    BlobReferences references(*database);
    EXPECT_TRUE(must(references.is_referenced(sha256("delta"))));
    EXPECT_FALSE(run());
    EXPECT_EQ(builder.builds, 1);
    EXPECT_TRUE(std::filesystem::is_empty(blobs->staging_folder()));
    must(jobs.forget(pair));
    EXPECT_EQ(code_of(jobs.forget(pair)), Errc::not_found);
    EXPECT_FALSE(must(references.is_referenced(sha256("delta"))));
}

TEST_P(DeltaJobs, AreNotWorthItWhenTheFullFileIsNotLarger) {
    builder.content = two;
    EXPECT_TRUE(run());
    EXPECT_EQ(job().state, DeltaState::not_worth);
    EXPECT_FALSE(job().delta);
    EXPECT_EQ(must(jobs.enqueue(std::vector{pair})), 0U);
    EXPECT_FALSE(run());
}

TEST_P(DeltaJobs, AreNotWorthItWhenTheEncoderSaysSo) {
    builder.full_is_better = true;
    EXPECT_TRUE(run());
    EXPECT_EQ(job().state, DeltaState::not_worth);
}

TEST_P(DeltaJobs, AreTriedAgainLaterAndGivenUpInTheEnd) {
    builder.error = fail(Errc::exhausted, "no space left");
    for (int attempt = 1; attempt <= 3; ++attempt) {
        EXPECT_TRUE(run());
        EXPECT_EQ(job().attempts, attempt);
        EXPECT_EQ(job().error, "no space left");
        EXPECT_EQ(job().state, attempt < 3 ? DeltaState::queued : DeltaState::failed);
        clock.advance(milliseconds{1000 << attempt});
    }
    EXPECT_FALSE(run());
    must(jobs.forget(pair));
    EXPECT_EQ(must(jobs.enqueue(std::vector{pair})), 1U);
}

TEST_P(DeltaJobs, AreQueuedAgainWhenTheirFailureIsLongAgo) {
    builder.error = fail(Errc::exhausted, "no space left");
    while (job().state != DeltaState::failed) {
        EXPECT_TRUE(run());
        clock.advance(seconds{60});
    }
    EXPECT_EQ(must(jobs.enqueue(std::vector{pair})), 0U);
    EXPECT_EQ(job().state, DeltaState::failed);
    clock.advance(std::chrono::hours{2});
    EXPECT_FALSE(run()) << "nobody asked";
    EXPECT_EQ(must(jobs.enqueue(std::vector{pair})), 1U);
    EXPECT_EQ(job().attempts, 0);
    EXPECT_EQ(job().error, "");
    EXPECT_EQ(must(jobs.enqueue(std::vector{pair})), 0U);
    builder.error.reset();
    EXPECT_TRUE(run());
    EXPECT_EQ(job().state, DeltaState::built);
    clock.advance(std::chrono::hours{2});
    EXPECT_EQ(must(jobs.enqueue(std::vector{pair})), 0U);
}

TEST_P(DeltaJobs, WaitBeforeTheNextTry) {
    const auto held = must(jobs.lease("w1", seconds{60})).value();
    must(jobs.finish_failed(held, "busy", false, random));
    EXPECT_FALSE(must(jobs.lease("w1", seconds{60})));
    clock.advance(milliseconds{1001});
    EXPECT_TRUE(must(jobs.lease("w1", seconds{60})));
}

TEST_P(DeltaJobs, GoBackUntriedWhenTheProgramStops) {
    EXPECT_TRUE(must(worker.run_once([] { return false; })));
    EXPECT_EQ(job().state, DeltaState::queued);
    EXPECT_EQ(job().attempts, 0);
}

TEST_P(DeltaJobs, AreTakenOverWhenTheLeaseRunsOut) {
    const auto first = must(jobs.lease("w1", seconds{60})).value();
    EXPECT_FALSE(must(jobs.lease("w2", seconds{60})));
    clock.advance(seconds{50});
    must(jobs.extend(first, seconds{60}));
    clock.advance(seconds{59});
    EXPECT_FALSE(must(jobs.lease("w2", seconds{60})));
    clock.advance(seconds{1});
    const auto second = must(jobs.lease("w2", seconds{60})).value();
    EXPECT_EQ(second.attempts, 2);
    const DeltaBuilt built{sha256("delta"), 5, 10};
    EXPECT_EQ(code_of(jobs.finish_built(first, built, {})), Errc::conflict);
    EXPECT_EQ(code_of(jobs.extend(first, seconds{60})), Errc::conflict);
    EXPECT_EQ(code_of(jobs.finish_failed(first, "x")), Errc::conflict);
    EXPECT_EQ(code_of(jobs.release(first)), Errc::conflict);
    must(jobs.finish_built(second, built, {}));
    EXPECT_EQ(job().state, DeltaState::built);
}

TEST_P(DeltaJobs, AreTakenOverAtOnceWhenTheirProcessIsKnownToBeDead) {
    const auto first = must(jobs.lease("w1", seconds{60})).value();
    EXPECT_EQ(must(jobs.end_leases()), 1);
    const auto second = must(jobs.lease("w2", seconds{60})).value();
    EXPECT_EQ(second.attempts, 2);
    EXPECT_EQ(code_of(jobs.extend(first, seconds{60})), Errc::conflict);
    must(jobs.finish_not_worth(second, 1));
    EXPECT_EQ(must(jobs.end_leases()), 0);
}

TEST_P(DeltaJobs, AreGivenUpWhenTheirWorkersKeepVanishing) {
    for (int i = 0; i < 3; ++i) {
        EXPECT_TRUE(must(jobs.lease("w1", seconds{1})));
        clock.advance(seconds{1});
    }
    EXPECT_FALSE(must(jobs.lease("w1", seconds{1})));
    EXPECT_EQ(job().state, DeltaState::failed);
    EXPECT_NE(job().error.find("w1"), std::string::npos);
    EXPECT_EQ(must(jobs.enqueue(std::vector{pair})), 0U);
    clock.advance(std::chrono::hours{2});
    EXPECT_EQ(must(jobs.enqueue(std::vector{pair})), 1U);
}

TEST_P(DeltaJobs, AreDroppedByAWorkerThatLostItsLease) {
    builder.during = [&] {
        clock.advance(seconds{61});
        must(jobs.lease("w2", seconds{600})).value();
    };
    EXPECT_TRUE(run());
    EXPECT_EQ(job().state, DeltaState::running);
    EXPECT_EQ(job().lease_owner, "w2");
}

TEST_P(DeltaJobs, FailAtOnceWhenABlobIsGone) {
    must(blobs->remove(pair.base));
    EXPECT_TRUE(run());
    EXPECT_EQ(job().state, DeltaState::failed);
    EXPECT_EQ(builder.builds, 0);
}

TEST_P(DeltaJobs, ArePrunedWithTheirTarget) {
    EXPECT_EQ(must(jobs.prune()), 0);
    must(database->write<void>([](store::Transaction& t) -> Status {
        TRY(t.execute("DELETE FROM releases WHERE version = '2.0.0'"));
        return {};
    }));
    EXPECT_EQ(must(jobs.prune()), 1);
    EXPECT_FALSE(must(jobs.find(pair)));
}

TEST_P(DeltaJobs, AreBuiltByTheLibrary) {
    const auto real = make_delta_builder();
    DeltaWorker builds{jobs, *blobs, *real, clock, {"w1", seconds{60}}};
    EXPECT_TRUE(must(builds.run_once([] { return true; })));
    EXPECT_EQ(job().state, DeltaState::built) << job().error;
    EXPECT_LT(job().delta_size, 1000U);
}

TEST_P(DeltaJobs, WhatAKilledBuildLeftIsRemovedAndNothingElse) {
    const auto& staging = blobs->staging_folder();
    const auto half = staging / "delta-7-1.partial";
    const auto other = staging / "of-somebody-else";
    for (const auto& path : {half, other}) std::ofstream(path) << "bytes";
    EXPECT_EQ(must(DeltaWorker::remove_leftovers(*blobs)), 1U);
    EXPECT_FALSE(std::filesystem::exists(half));
    EXPECT_TRUE(std::filesystem::exists(other));
}

}  // namespace
}  // namespace strandline::registry
