#include <algorithm>
#include <array>
#include <ctime>
#include <fcntl.h>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "agent/disk/release_store.h"
#include "agent/states/disk_need.h"
#include "agent/test_world.h"
#include "agent/transfer/partial_file.h"

// Where the room on a device's disk goes, and who may take it.
namespace strandline::agent {
namespace {

std::string letters(std::size_t size, char letter) { return std::string(size, letter); }

TEST(DiskNeed, CountsWhatIsThereAlready) {
    const TempFolder partials;
    MissingFile item;
    item.file.sha256 = sha256("x");
    item.file.size = 1'000'000;
    const auto need = [&] { return disk_needed({item}, trust::Manifest{}, partials.path()); };
    const auto nothing = need();
    std::ofstream(full_path(partials.path(), item)) << letters(600'000, 'x');
    EXPECT_EQ(need(), nothing - 600'000);
    std::ofstream(delta_path(partials.path(), item)) << letters(70'000, 'x');
    EXPECT_EQ(need(), nothing - 600'000) << "no delta is applied";
    item.base = sha256("old");
    EXPECT_EQ(need(), nothing - 70'000) << "the delta makes the file anew";
}

TEST(ReleaseStore, CollectsBlobsWhoseTimeIsAheadOfTheClock) {
    const TempFolder folder;
    const StateFolder state(folder.path());
    ASSERT_TRUE(state.prepare());
    const auto blobs = store::BlobStore::open(folder.path()).value();
    ReleaseStore releases(state, *blobs);
    const auto blob = blobs->put(as_bytes(std::string("bytes"))).value();
    const std::array<timespec, 2> ahead{
        {{std::time(nullptr) + 86'400, 0}, {std::time(nullptr) + 86'400, 0}}};
    ASSERT_EQ(::utimensat(AT_FDCWD, blobs->path_of(blob.digest).c_str(), ahead.data(), 0), 0);
    ASSERT_TRUE(releases.collect({}, {blob.digest}));
    EXPECT_TRUE(blobs->contains(blob.digest));
    ASSERT_TRUE(releases.collect({}));
    EXPECT_FALSE(blobs->contains(blob.digest));
}

TEST(PartialFile, IsSyncedByAJobThatOutlivesIt) {
    const TempFolder folder;
    std::function<Status()> job;
    {
        auto file = PartialFile::open(folder.path() / "x.full", "/v1/blobs/x").value();
        ASSERT_TRUE(file.restart("\"e\"", 100));
        ASSERT_TRUE(file.append(as_bytes(letters(40, 'x'))));
        EXPECT_EQ(file.unsynced(), 40U);
        job = file.sync_job();
        EXPECT_EQ(file.unsynced(), 0U);
    }
    EXPECT_TRUE(job());
}

class Room : public World {
protected:
    const std::string big = letters(300'000, 'b');
    const std::string small = letters(1'000, 's');

    static std::string blob_path(const std::string& bytes) {
        return "/v1/blobs/" + sha256(bytes).hex();
    }
};

TEST_F(Room, WhatCameBeforeARefusalThatHealsDoesNotComeTwice) {
    options.config.transfer.refetch_after = std::chrono::milliseconds{50};
    unsigned tries = 0;
    hub.fault = [&](const net::Request& request) -> std::optional<net::Response> {
        if (request.path != blob_path(big) || ++tries > 5) return std::nullopt;
        if (tries == 1) return cut_response(big, "\"" + sha256(big).hex() + "\"");
        return net::error_response(fail(Errc::not_found, "not here"));
    };
    deploy("1.0.0", big, "dep-1");
    start();
    ASSERT_TRUE(until_active("1.0.0"));
    EXPECT_EQ(slot().last_update.bytes_received, big.size() / 2);
    stop();
}

TEST_F(Room, IsNotMadeAtTheCostOfAnotherSlotsUpdate) {
    auto two = manifest("1.0.0", small);
    trust::ManifestFile second;
    second.path = "second";
    second.size = big.size();
    second.sha256 = hub.add_blob(big);
    two.files.push_back(second);
    bool down = true;
    hub.fault = [&](const net::Request& request) -> std::optional<net::Response> {
        if (request.path != blob_path(big) || !down) return std::nullopt;
        auto busy = net::error_response(fail(Errc::exhausted, "busy"));
        busy.headers.set("Retry-After", "3600");
        return busy;
    };
    const auto first = order_for(two, "dep-1", "first");
    hub.order({first});
    start();
    ASSERT_TRUE(until([this] { return slot("first").error.has_value(); }));
    auto wanted = manifest("2.0.0", "other bytes");
    wanted.requirements.disk_bytes = 1ULL << 50;
    hub.order({first, order_for(wanted, "dep-2", "second")});
    ASSERT_TRUE(until_refused("no_space", "second"));
    const auto hex = sha256(small).hex();
    EXPECT_TRUE(
        std::filesystem::exists(options.state_folder / "blobs" / hex.substr(0, 2) / hex.substr(2)));
    stop();
    // Nor, in the next life, before it is known what that one needs.
    down = false;
    start();
    ASSERT_TRUE(until_active("1.0.0", "first"));
    EXPECT_EQ(std::count(hub.requests.begin(), hub.requests.end(), "GET " + blob_path(small)), 1);
    stop();
}

}  // namespace
}  // namespace strandline::agent
