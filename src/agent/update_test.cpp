#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>

#include "agent/test_world.h"
#include "delta/files.h"

namespace strandline::agent {
namespace {

std::string random_bytes(std::size_t size, std::uint64_t seed) {
    SeededRandom random(seed);
    std::string out(size, '\0');
    random.fill(std::as_writable_bytes(std::span(out)));
    return out;
}

std::string with_changes(std::string bytes) {
    for (std::size_t i = 0; i < bytes.size(); i += 10'000)
        bytes[i] = static_cast<char>(bytes[i] ^ 1);
    return bytes;
}

std::string delta_between(const std::string& from, const std::string& to) {
    delta::MemoryWriter patch;
    EXPECT_TRUE(delta::make_delta(as_bytes(from), as_bytes(to), patch));
    return std::string(as_text(patch.bytes()));
}

net::Response busy(std::string_view retry_after) {
    auto response = net::error_response(fail(Errc::exhausted, "busy"));
    response.headers.set("Retry-After", std::string(retry_after));
    return response;
}

class Update : public World {
protected:
    const std::string v1 = random_bytes(300'000, 1);
    const std::string v2 = with_changes(v1);

    /// Answers the first `count` requests of paths that start like this by `make`.
    void fail_first(unsigned count, const std::string& prefix,
                    const std::function<net::Response(const net::Request&)>& make) {
        hub.fault = [left = count, prefix,
                     make](const net::Request& request) mutable -> std::optional<net::Response> {
            if (left == 0 || !request.path.starts_with(prefix)) return std::nullopt;
            --left;
            return make(request);
        };
    }
    std::size_t count_requests(std::string_view prefix) const {
        return static_cast<std::size_t>(
            std::count_if(hub.requests.begin(), hub.requests.end(),
                          [&](const auto& line) { return line.starts_with(prefix); }));
    }
    std::string file_on_disk(const trust::Manifest& wanted) {
        const auto digest = sha256(trust::to_json(wanted));
        std::ifstream in(options.state_folder / "releases" / digest.hex() / "files" / "model.onnx",
                         std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    void install_v1() {
        deploy("1.0.0", v1, "dep-1");
        start();
        ASSERT_TRUE(until_active("1.0.0"));
    }
};

TEST_F(Update, FetchesWholeFilesWhenThereIsNothingToStartFrom) {
    const auto wanted = deploy("1.0.0", v1, "dep-1");
    start();
    ASSERT_TRUE(until_active("1.0.0"));
    EXPECT_EQ(file_on_disk(wanted), v1);
    const auto now = slot();
    EXPECT_EQ(now.deployment, "dep-1");
    EXPECT_EQ(now.last_update.bytes_received, v1.size());
    EXPECT_EQ(now.last_update.fulls, 1U);
    EXPECT_FALSE(now.serving);
    EXPECT_NE(now.not_serving_reason, "");
    ASSERT_TRUE(until([this] {
        return !hub.reports.empty() && !hub.reports.back().slots.empty() &&
               hub.reports.back().slots.front().state == "idle";
    }));
    EXPECT_EQ(hub.reports.back().slots.front().active->files.at("model.onnx"), sha256(v1));
}

TEST_F(Update, AppliesADeltaToItsOwnFile) {
    install_v1();
    const auto patch = delta_between(v1, v2);
    hub.add_delta(sha256(v1), sha256(v2), patch);
    const auto wanted = deploy("2.0.0", v2, "dep-2");
    ASSERT_TRUE(until_active("2.0.0"));
    EXPECT_EQ(file_on_disk(wanted), v2);
    EXPECT_EQ(slot().last_update.deltas, 1U);
    EXPECT_EQ(slot().last_update.bytes_received, patch.size());
    EXPECT_EQ(slot().previous->version, "1.0.0");
}

TEST_F(Update, FallsBackToTheWholeFileOnceWhenADeltaIsWrong) {
    const auto good = delta_between(v1, v2);
    auto flipped = good;
    flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 0x10);
    const std::vector<std::pair<std::string, std::string>> cases{
        {"noise", random_bytes(1000, 9)},
        {"flipped", flipped},
        {"cut", good.substr(0, good.size() / 2)}};
    install_v1();
    unsigned number = 1;
    for (const auto& [name, patch] : cases) {
        SCOPED_TRACE(name);
        ++number;
        auto bytes = v2 + std::string(number, 'x');
        hub.add_delta(sha256(v1), sha256(bytes), patch);
        const auto version = std::to_string(number) + ".0.0";
        deploy("1.0.0", v1, "back-" + version);
        ASSERT_TRUE(until([this, number] {
            return slot().deployment == "back-" + std::to_string(number) + ".0.0" &&
                   slot().state == "idle";
        }));
        deploy(version, bytes, "dep-" + version);
        ASSERT_TRUE(until_active(version));
        EXPECT_EQ(slot().last_update.delta_fallbacks, 1U);
        EXPECT_EQ(slot().last_update.fulls, 1U);
    }
}

// The delta is good: nothing else is fetched for it, and an order that forbids the whole file is
// not refused for good.
TEST_F(Update, KeepsToItsDeltaWhenItsOwnDiskFails) {
    options.config.transfer.refetch_after = std::chrono::milliseconds{50};
    install_v1();
    hub.add_delta(sha256(v1), sha256(v2), delta_between(v1, v2));
    const auto output = options.state_folder / "staging" / (sha256(v2).hex() + ".new");
    std::error_code ignored;
    // Put there during the fetch, when no clean-up runs.
    hub.fault = [&](const net::Request& request) -> std::optional<net::Response> {
        if (request.path.starts_with("/v1/deltas/"))
            std::filesystem::create_symlink("/dev/full", output, ignored);
        return std::nullopt;
    };
    auto order = order_for(manifest("2.0.0", v2), "dep-2");
    order.allow_full = false;
    hub.order({order});
    ASSERT_TRUE(until([&] { return slot().refused == order.manifest; }));
    EXPECT_EQ(slot().error->reason, "no_space") << slot().error->message;
    hub.fault = nullptr;
    // What is in the way is removed with the try, so there is room now.
    ASSERT_TRUE(until_active("2.0.0"));
    EXPECT_EQ(slot().last_update.delta_fallbacks, 0U);

    const auto v3 = v2 + "and more";
    hub.add_delta(sha256(v2), sha256(v3), delta_between(v2, v3));
    const auto blocked = options.state_folder / "staging" / (sha256(v3).hex() + ".new");
    hub.fault = [&](const net::Request& request) -> std::optional<net::Response> {
        if (request.path.starts_with("/v1/deltas/"))
            std::filesystem::create_directory(blocked, ignored);
        return std::nullopt;
    };
    order = order_for(manifest("3.0.0", v3), "dep-3");
    order.allow_full = false;
    hub.order({order});
    ASSERT_TRUE(until([&] { return slot().error && slot().error->stage == "assemble"; }));
    EXPECT_FALSE(slot().refused.has_value());
    hub.fault = nullptr;
    std::filesystem::remove(blocked);
    ASSERT_TRUE(until_active("3.0.0"));
    EXPECT_EQ(slot().last_update.deltas, 1U);
}

TEST_F(Update, WaitsForADeltaThatIsBeingBuilt) {
    install_v1();
    hub.add_delta(sha256(v1), sha256(v2), delta_between(v1, v2));
    fail_first(2, "/v1/deltas/", [](const auto&) {
        auto response = net::text_response(202, "");
        response.headers.set("Retry-After", "0");
        return response;
    });
    deploy("2.0.0", v2, "dep-2");
    ASSERT_TRUE(until_active("2.0.0"));
    EXPECT_EQ(slot().last_update.deltas, 1U);
}

TEST_F(Update, FetchesTheWholeFileWhenTheHubHasNoDelta) {
    install_v1();
    deploy("2.0.0", v2, "dep-2");
    ASSERT_TRUE(until_active("2.0.0"));
    EXPECT_EQ(slot().last_update.delta_fallbacks, 0U);
    EXPECT_EQ(slot().last_update.fulls, 1U);
}

TEST_F(Update, GoesOnWhereACutLineEnded) {
    fail_first(1, "/v1/blobs/",
               [this](const auto&) { return cut_response(v1, "\"" + sha256(v1).hex() + "\""); });
    deploy("1.0.0", v1, "dep-1");
    start();
    ASSERT_TRUE(until_active("1.0.0"));
    EXPECT_EQ(slot().last_update.bytes_received, v1.size());
    EXPECT_EQ(count_requests("GET /v1/blobs/" + sha256(v1).hex() + " bytes="), 1U);
}

TEST_F(Update, StartsAnewWhenTheHubAnswersWithTheWholeFileOrAnotherVersionOfIt) {
    const std::string path = "/v1/blobs/" + sha256(v1).hex();
    for (const auto* etag : {"\"other\"", ""}) {
        SCOPED_TRACE(etag);
        stop();
        std::filesystem::remove_all(options.state_folder);
        ASSERT_TRUE(hub.write_identity(options.state_folder, "d-1"));
        unsigned tries = 0;
        hub.fault = [&, etag](const net::Request& request) -> std::optional<net::Response> {
            if (request.path != path || ++tries > 2) return std::nullopt;
            if (tries == 1) return cut_response(v1, "\"" + sha256(v1).hex() + "\"");
            auto whole = net::text_response(200, v1);  // instead of 206
            whole.headers.set("ETag", etag);
            return whole;
        };
        deploy("1.0.0", v1, "dep" + std::to_string(hub.generation));
        start();
        ASSERT_TRUE(until_active("1.0.0"));
        EXPECT_EQ(tries, 2U);
    }
}

TEST_F(Update, DropsPartialAnswersThatDoNotFit) {
    unsigned tries = 0;
    hub.fault = [&](const net::Request& request) -> std::optional<net::Response> {
        if (!request.path.starts_with("/v1/blobs/") || ++tries > 2) return std::nullopt;
        if (tries == 1) return cut_response(v1, "\"e\"");
        auto part = net::text_response(206, v1.substr(10));
        part.headers.set("Content-Range", "bytes 10-299999/300000");  // not what was asked for
        return part;
    };
    deploy("1.0.0", v1, "dep-1");
    start();
    EXPECT_TRUE(until_active("1.0.0"));
}

TEST_F(Update, WaitsAsLongAsTheHubAsks) {
    fail_first(1, "/v1/blobs/", [](const auto&) { return busy("1"); });
    deploy("1.0.0", v1, "dep-1");
    const auto begin = std::chrono::steady_clock::now();
    start();
    ASSERT_TRUE(until_active("1.0.0"));
    EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::seconds{1});
    EXPECT_EQ(count_requests("GET /v1/blobs/"), 2U);
}

TEST_F(Update, SurvivesErrorsOfTheHubOnEveryPath) {
    for (const auto* prefix :
         {"/v1/device/desired", "/v1/manifests/", "/v1/blobs/", "/v1/device/reports"}) {
        SCOPED_TRACE(prefix);
        stop();
        std::filesystem::remove_all(options.state_folder);
        ASSERT_TRUE(hub.write_identity(options.state_folder, "d-1"));
        fail_first(3, prefix, [](const auto&) {
            return net::error_response(fail(Errc::unavailable, "down"));
        });
        deploy("1.0.0", v1, "dep" + std::to_string(hub.generation));
        start();
        EXPECT_TRUE(until_active("1.0.0"));
    }
}

struct RefusalCase {
    std::string reason;
    std::function<void(FakeHub&, trust::Manifest&, trust::DesiredSlot&)> spoil_order;
    std::function<void(trust::Manifest&)> spoil_manifest;
};

TEST_F(Update, RefusesWhatItMustNotInstallAndStaysOnTheOldRelease) {
    const std::vector<RefusalCase> cases{
        {"unsigned",
         [](FakeHub& on, auto&, auto& order) {
             auto envelope = trust::envelope_from_json(on.manifests[order.manifest.hex()]).value();
             envelope.signatures.clear();
             on.manifests[order.manifest.hex()] = trust::to_json(envelope);
         },
         {}},
        {"untrusted",
         [](FakeHub& on, auto& wanted, auto& order) {
             const HubKeys rogue;
             on.manifests[order.manifest.hex()] = trust::to_json(
                 trust::sign_envelope(trust::manifest_type, trust::to_json(wanted), rogue.manifest)
                     .value());
         },
         {}},
        {"untrusted", [](FakeHub&, auto&, auto& order) { order.version = "9.9.9"; }, {}},
        {"corrupt",
         [](FakeHub& on, auto&, auto& order) {
             const auto first = on.manifests.begin();
             const auto other = first->first == order.manifest.hex() ? std::next(first) : first;
             on.manifests[order.manifest.hex()] = other->second;
         },
         {}},
        {"not_found",
         [](FakeHub& on, auto&, auto& order) { on.manifests.erase(order.manifest.hex()); },
         {}},
        {"not_found",
         [](FakeHub& on, auto& wanted, auto&) { on.blobs.erase(wanted.files[0].sha256.hex()); },
         {}},
        {"corrupt",
         [](FakeHub& on, auto& wanted, auto&) { on.blobs[wanted.files[0].sha256.hex()][5] ^= 1; },
         {}},
        {"corrupt",
         [](FakeHub& on, auto& wanted, auto&) { on.blobs[wanted.files[0].sha256.hex()] += "more"; },
         {}},
        {"corrupt",
         [](FakeHub& on, auto& wanted, auto&) { on.blobs[wanted.files[0].sha256.hex()].resize(9); },
         {}},
        {"refused_budget", [](FakeHub&, auto&, auto& order) { order.allow_full = false; }, {}},
        {"unsupported", {}, [](trust::Manifest& wanted) { wanted.requirements.arch = {"pdp11"}; }},
        {"unsupported",
         {},
         [](trust::Manifest& wanted) { wanted.requirements.accelerator = "tpu"; }},
        {"unsupported",
         {},
         [](trust::Manifest& wanted) { wanted.requirements.ram_bytes = 1ULL << 50; }},
        {"unsupported",
         {},
         [](trust::Manifest& wanted) { wanted.kind = trust::RuntimeKind::container; }},
        {"no_space",
         {},
         [](trust::Manifest& wanted) { wanted.requirements.disk_bytes = 1ULL << 50; }},
    };
    install_v1();
    unsigned number = 1;
    for (const auto& spoiled : cases) {
        ++number;
        SCOPED_TRACE(spoiled.reason + " " + std::to_string(number));
        auto wanted = manifest(std::to_string(number) + ".0.0", v2 + std::to_string(number));
        if (spoiled.spoil_manifest) spoiled.spoil_manifest(wanted);
        auto order = order_for(wanted, "dep-" + std::to_string(number));
        if (spoiled.spoil_order) spoiled.spoil_order(hub, wanted, order);
        hub.order({order});
        ASSERT_TRUE(
            until([&] { return slot().refused == order.manifest && slot().state == "idle"; }));
        EXPECT_EQ(slot().error->reason, spoiled.reason) << slot().error->message;
        EXPECT_EQ(slot().active->version, "1.0.0");
    }
}

TEST_F(Update, TriesARefusedReleaseAgainOnlyOnANewOrder) {
    auto wanted = manifest("1.0.0", v1);
    hub.blobs.erase(sha256(v1).hex());
    auto order = order_for(wanted, "dep-1");
    hub.order({order});
    start();
    ASSERT_TRUE(until_refused("not_found"));
    hub.add_blob(v1);
    const auto before = count_requests("GET /v1/blobs/");
    hub.order({order});  // a new generation with the same order
    ASSERT_TRUE(until([this] { return agent->report().generation == hub.generation; }));
    EXPECT_EQ(count_requests("GET /v1/blobs/"), before);
    order.deployment = "dep-2";
    hub.order({order});
    ASSERT_TRUE(until_active("1.0.0"));
    EXPECT_FALSE(slot().refused);
}

TEST_F(Update, LeavesAStuckOrderForANewerOne) {
    hub.fault = [this](const net::Request& request) -> std::optional<net::Response> {
        if (request.path != "/v1/blobs/" + sha256(v1).hex()) return std::nullopt;
        return busy("3600");
    };
    deploy("1.0.0", v1, "dep-1");
    start();
    ASSERT_TRUE(until([this] { return slot().error && slot().state == "fetch"; }));
    deploy("2.0.0", v2, "dep-2");
    EXPECT_TRUE(until_active("2.0.0"));
}

TEST_F(Update, RefusesOlderAndForeignDesiredStates) {
    install_v1();
    const auto kept = hub.generation;
    const auto order = order_for(manifest("2.0.0", v2), "dep-2");
    hub.desired = hub.sign_desired(kept - 1, {order});
    hub.generation = kept + 1;  // so that the poll does not end in a 304
    const auto polls = count_requests("GET /v1/device/desired");
    ASSERT_TRUE(until([&] { return count_requests("GET /v1/device/desired") > polls + 1; }));
    EXPECT_EQ(slot().active->version, "1.0.0");
    hub.device = "d-2";
    hub.desired = hub.sign_desired(kept + 1, {order});
    const auto more = count_requests("GET /v1/device/desired");
    ASSERT_TRUE(until([&] { return count_requests("GET /v1/device/desired") > more + 1; }));
    EXPECT_EQ(agent->report().generation, kept);
    hub.device = "d-1";
    hub.desired = hub.sign_desired(kept + 1, {order});
    EXPECT_TRUE(until_active("2.0.0"));
}

TEST_F(Update, FollowsAKeySetThatItsRootVouchesFor) {
    install_v1();
    hub.keys.rotate();
    deploy("2.0.0", v2, "dep-2");
    ASSERT_TRUE(until_active("2.0.0"));
    EXPECT_EQ(count_requests("GET /v1/device/keyset"), 1U);
}

TEST_F(Update, CarriesTwoSlotsAndRemovesOne) {
    const auto first = order_for(manifest("1.0.0", v1), "dep-1", "front");
    const auto second = order_for(manifest("2.0.0", v2), "dep-2", "back");
    hub.order({first, second});
    start();
    ASSERT_TRUE(until_active("1.0.0", "front"));
    ASSERT_TRUE(until_active("2.0.0", "back"));
    hub.order({second});
    ASSERT_TRUE(until([this] { return agent->report().slots.size() == 1; }));
    EXPECT_TRUE(until(
        [this] { return !std::filesystem::exists(options.state_folder / "slots" / "front"); }));
    hub.order({first, second});
    EXPECT_TRUE(until_active("1.0.0", "front"));
}

TEST_F(Update, SharesFilesThatAreHereAlready) {
    install_v1();
    auto wanted = manifest("2.0.0", v1);
    trust::ManifestFile extra;
    extra.path = "labels.txt";
    extra.sha256 = hub.add_blob("cat\n");
    extra.size = 4;
    wanted.files.push_back(extra);
    hub.order({order_for(wanted, "dep-2")});
    ASSERT_TRUE(until_active("2.0.0"));
    EXPECT_EQ(slot().last_update.reused, 1U);
    EXPECT_EQ(slot().last_update.bytes_received, 4U);
}

TEST_F(Update, BringsTheSameBytesOnceWhateverTheirNames) {
    const auto twice = [this](const std::string& version, const std::string& bytes) {
        auto wanted = manifest(version, bytes);
        auto copy = wanted.files[0];
        copy.path = "a/copy.onnx";
        wanted.files.insert(wanted.files.begin(), copy);
        return wanted;
    };
    hub.order({order_for(twice("1.0.0", v1), "dep-1")});
    start();
    ASSERT_TRUE(until_active("1.0.0"));
    EXPECT_EQ(count_requests("GET /v1/blobs/"), 1U);
    const auto patch = delta_between(v1, v2);
    hub.add_delta(sha256(v1), sha256(v2), patch);
    const auto wanted = twice("2.0.0", v2);
    auto order = order_for(wanted, "dep-2");
    order.allow_full = false;
    hub.order({order});
    ASSERT_TRUE(until_active("2.0.0"));
    EXPECT_EQ(slot().last_update.deltas, 1U);
    EXPECT_EQ(slot().last_update.bytes_received, patch.size());
    EXPECT_EQ(file_on_disk(wanted), v2);
}

TEST_F(Update, KeepsOnlyWhatIsNeeded) {
    install_v1();
    deploy("2.0.0", v2, "dep-2");
    ASSERT_TRUE(until_active("2.0.0"));
    const auto v3 = with_changes(v2 + "3");
    deploy("3.0.0", v3, "dep-3");
    ASSERT_TRUE(until_active("3.0.0"));
    const auto gone =
        options.state_folder / "blobs" / sha256(v1).hex().substr(0, 2) / sha256(v1).hex().substr(2);
    EXPECT_TRUE(until([&] { return !std::filesystem::exists(gone); }));
    EXPECT_TRUE(std::filesystem::is_empty(options.state_folder / "staging"));
}

TEST_F(Update, BoundsItsDownloadRate) {
    options.config.transfer.max_bytes_per_second = 400'000;
    deploy("1.0.0", v1, "dep-1");
    const auto begin = std::chrono::steady_clock::now();
    start();
    ASSERT_TRUE(until_active("1.0.0"));
    // 300 kB at 400 kB/s, of which a quarter of a second's worth may come at once.
    EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds{250});
}

class Restart : public Update {};

TEST_F(Restart, GoesOnWithADownloadOfAnEarlierLife) {
    unsigned tries = 0;
    hub.fault = [&](const net::Request& request) -> std::optional<net::Response> {
        if (!request.path.starts_with("/v1/blobs/")) return std::nullopt;
        ++tries;
        if (tries == 1) return cut_response(v1, "\"" + sha256(v1).hex() + "\"");
        if (tries < 4) return busy("3600");
        return std::nullopt;
    };
    deploy("1.0.0", v1, "dep-1");
    start();
    ASSERT_TRUE(until([&] { return tries == 2; }));
    stop();
    tries = 3;
    start();
    ASSERT_TRUE(until_active("1.0.0"));
    EXPECT_EQ(count_requests("GET /v1/blobs/" + sha256(v1).hex() + " bytes=150000-"), 2U);
}

TEST_F(Restart, FetchesADeltaAnewWhosePartWasLostInAPowerCut) {
    install_v1();
    const auto longer = v1 + random_bytes(60'000, 5);
    const auto patch = delta_between(v1, longer);
    hub.add_delta(sha256(v1), sha256(longer), patch);
    bool down = false;
    hub.fault = [&](const net::Request& request) -> std::optional<net::Response> {
        if (!request.path.starts_with("/v1/deltas/")) return std::nullopt;
        if (std::exchange(down, true)) return busy("3600");
        const auto half = patch.size() / 2;
        auto part = net::text_response(206, patch.substr(0, half));
        part.headers.set("Content-Range", "bytes 0-" + std::to_string(half - 1) + "/" +
                                              std::to_string(patch.size()));
        part.headers.set("ETag", "\"" + sha256(patch).hex() + "\"");
        return part;
    };
    auto order = order_for(manifest("2.0.0", longer), "dep-2");
    order.allow_full = false;
    hub.order({order});
    ASSERT_TRUE(until([&] { return slot().error && slot().error->reason == "exhausted"; }));
    stop();
    const auto part = options.state_folder / "staging" / (sha256(longer).hex() + ".delta");
    const auto size = std::filesystem::file_size(part);
    ASSERT_GT(size, 0U);
    std::filesystem::resize_file(part, 0);
    std::filesystem::resize_file(part, size);  // zeros, as some file systems leave them
    hub.fault = nullptr;
    start();
    ASSERT_TRUE(until_active("2.0.0"));
    EXPECT_EQ(slot().last_update.deltas, 1U);
    EXPECT_EQ(slot().last_update.delta_fallbacks, 0U);
}

TEST_F(Restart, ServesAndReportsWithoutTheHub) {
    install_v1();
    const auto boot = agent->report().boot;
    stop();
    hub.fault = [](const net::Request&) {
        return net::error_response(fail(Errc::unavailable, "down"));
    };
    start();
    EXPECT_EQ(slot().active->version, "1.0.0");
    EXPECT_EQ(slot().state, "idle");
    EXPECT_GT(agent->report().boot, boot);
}

TEST_F(Restart, HealsADamagedFileFromTheHub) {
    install_v1();
    deploy("2.0.0", v2, "dep-2");
    ASSERT_TRUE(until_active("2.0.0"));
    stop();
    const auto wanted = manifest("2.0.0", v2);
    const auto path = options.state_folder / "releases" / sha256(trust::to_json(wanted)).hex() /
                      "files" / "model.onnx";
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    std::fstream(path, std::ios::in | std::ios::out | std::ios::binary).seekp(1000).put('!');
    ASSERT_NE(file_on_disk(wanted), v2);
    start();
    ASSERT_TRUE(until([&] {
        return slot().state == "idle" && slot().active && slot().active->version == "2.0.0";
    }));
    EXPECT_EQ(file_on_disk(wanted), v2);
    const bool told = std::any_of(hub.reports.begin(), hub.reports.end(), [](const auto& report) {
        return !report.slots.empty() && report.slots[0].error &&
               report.slots[0].error->reason == "corrupt";
    });
    EXPECT_TRUE(told);
}

TEST_F(Restart, RefusesAReleaseThatKeepsEndingTheAgent) {
    install_v1();
    fail_first(1'000'000, "/v1/blobs/", [](const auto&) { return busy("3600"); });
    deploy("2.0.0", v2, "dep-2");
    ASSERT_TRUE(until([this] { return slot().error && slot().state == "fetch"; }));
    stop();
    hub.fault = nullptr;
    StateFolder state(options.state_folder);
    auto journal = state.load_journal("leaf").value();
    ASSERT_TRUE(journal.order);
    journal.state = UpdateState::verify;
    journal.entered[UpdateState::verify] = crash_limit(UpdateState::verify);
    ASSERT_TRUE(state.save_journal("leaf", journal));
    start();
    ASSERT_TRUE(until_refused("crash_loop"));
    EXPECT_EQ(slot().active->version, "1.0.0");
}

TEST_F(Restart, IsTheOnlyWriterOfItsFolder) {
    install_v1();
    const auto second = Agent::create(runtime, options);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::conflict);
}

TEST_F(Restart, WorksWithAClockAt1970) {
    const FakeClock clock(WallTime{std::chrono::seconds{5}});
    options.clock = &clock;
    install_v1();
    StateFolder state(options.state_folder);
    EXPECT_GT(state.load_device()->time_floor, from_rfc3339("2026-01-01T00:00:00Z").value());
    stop();  // before the clock goes away
}

TEST(AgentCreate, SaysHowToEnrolAFolderWithoutIdentity) {
    const TempFolder folder;
    net::Runtime runtime(test_runtime_options());
    AgentOptions options;
    options.state_folder = folder.path();
    const auto agent = Agent::create(runtime, options);
    ASSERT_FALSE(agent);
    EXPECT_NE(agent.error().message.find("enroll --hub"), std::string::npos);
}

}  // namespace
}  // namespace strandline::agent
