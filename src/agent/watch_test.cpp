#include <fstream>
#include <gtest/gtest.h>

#include "agent/run/process_supervisor.h"
#include "agent/test_programs.h"

namespace strandline::agent {
namespace {

using std::chrono::hours;

// Runs until the test wants it to crash.
constexpr auto fragile =
    R"(while ! test -e "$STRANDLINE_BUNDLE/../../../crash"; do sleep 0.05; done; exit 7)";
constexpr auto solid = "exec sleep 600";

class Watch : public Programs {
protected:
    Watch() {
        options.config.watch.probe_interval = std::chrono::seconds{0};
        options.config.watch.count_interval = std::chrono::milliseconds{20};
        options.config.watch.max_restarts = 1;
    }
    void crash() { std::ofstream(options.state_folder / "crash") << "now"; }
    /// A release that no device has room for.
    trust::DesiredSlot too_large(const std::string& deployment) {
        auto wanted = program("3.0.0", solid);
        wanted.requirements.disk_bytes = 1ULL << 50;
        return order_for(wanted, deployment);
    }
    UpdateJournal journal() {
        return StateFolder(options.state_folder).load_journal("leaf").value();
    }
    void install(const std::string& body) {
        hub.order({order_for(program("1.0.0", solid), "dep-1")});
        start();
        ASSERT_TRUE(until_active("1.0.0"));
        hub.order({order_for(program("2.0.0", body), "dep-2")});
        ASSERT_TRUE(until_active("2.0.0"));
    }
};

TEST_F(Watch, ReturnsToThePreviousReleaseAlthoughANewerOrderWasRefused) {
    install(fragile);
    const auto refused = too_large("dep-3");
    hub.order({refused});
    ASSERT_TRUE(until([&] { return slot().refused == refused.manifest; }));
    crash();
    ASSERT_TRUE(until([this] {
        return slot().state == "idle" && slot().active && slot().active->version == "1.0.0";
    }));
    EXPECT_TRUE(slot().serving);
    EXPECT_EQ(slot().refused, refused.manifest) << "it is not tried again";
}

TEST_F(Watch, ReturnsToThePreviousReleaseBeforeANewerOrderIsDue) {
    install(fragile);
    hub.spread = hours{1};
    hub.order({order_for(program("3.0.0", solid), "dep-3")});
    ASSERT_TRUE(until([this] { return agent->report().generation == hub.generation; }));
    ASSERT_EQ(slot().active->version, "2.0.0");
    crash();
    ASSERT_TRUE(until([this] { return slot().active && slot().active->version == "1.0.0"; }));
    EXPECT_EQ(slot().error->reason, "crashed");
}

TEST_F(Watch, TakesUpTheSoakThatARefusedOrderCut) {
    hub.order({order_for(program("1.0.0", solid), "dep-1")});
    start();
    ASSERT_TRUE(until_active("1.0.0"));
    const auto second = order_for(program("2.0.0", solid), "dep-2");
    hub.order({soaked(second, hours{1})});
    ASSERT_TRUE(until([this] { return slot().state == "soak"; }));
    // Its rules are the newest: no soak at all.
    const auto refused = too_large("dep-3");
    hub.order({refused});
    ASSERT_TRUE(until([&] {
        return slot().refused == refused.manifest && slot().state == "idle" && journal().completed;
    }));
    ASSERT_TRUE(until([&] { return journal().completed->manifest == second.manifest; }));
    EXPECT_EQ(journal().completed->deployment, "dep-2");
    EXPECT_FALSE(journal().unproven);
    EXPECT_EQ(slot().refused, refused.manifest);
    EXPECT_EQ(slot().deployment, "dep-3");
}

TEST_F(Watch, GivesAReleaseUpInASoakThatARefusedOrderCut) {
    hub.order({order_for(program("1.0.0", solid), "dep-1")});
    start();
    ASSERT_TRUE(until_active("1.0.0"));
    hub.order({soaked(order_for(program("2.0.0", fragile), "dep-2"), hours{1})});
    ASSERT_TRUE(until([this] { return slot().state == "soak"; }));
    const auto refused = soaked(too_large("dep-3"), hours{1});
    hub.order({refused});
    ASSERT_TRUE(
        until([&] { return slot().refused == refused.manifest && slot().state == "soak"; }));
    crash();
    ASSERT_TRUE(until([this] { return slot().active && slot().active->version == "1.0.0"; }));
    EXPECT_EQ(slot().refused, refused.manifest);
}

TEST_F(Watch, FinishesARollBackOfAnEarlierLifeBeforeANewerOrder) {
    install(solid);
    const auto active = slot().active->manifest;
    hub.spread = hours{1};
    hub.order({order_for(program("3.0.0", solid), "dep-3")});
    ASSERT_TRUE(until([this] { return agent->report().generation == hub.generation; }));
    stop();
    auto cut = journal();
    cut.state = UpdateState::roll_back;
    cut.order = OrderId{active, "dep-2"};
    cut.failure = trust::ReportedError{"watch", "crashed", "it ended too often"};
    ASSERT_TRUE(StateFolder(options.state_folder).save_journal("leaf", cut));
    hub.fault = [](const net::Request& request) -> std::optional<net::Response> {
        if (!request.path.starts_with("/v1/manifests/")) return std::nullopt;
        return net::error_response(fail(Errc::unavailable, "down"));
    };
    start();
    ASSERT_TRUE(until([this] { return slot().active && slot().active->version == "1.0.0"; }));
    hub.fault = nullptr;
    EXPECT_TRUE(until_active("3.0.0"));
    EXPECT_EQ(slot().previous->version, "1.0.0");
}

TEST_F(Watch, LoadsAReleaseAgainThatCouldNotBeLoadedOnce) {
    hub.order({order_for(program("1.0.0", solid), "dep-1")});
    start();
    ASSERT_TRUE(until_active("1.0.0"));
    const auto entry =
        options.state_folder / "releases" / slot().active->manifest.hex() / "files" / "run.sh";
    stop();
    using std::filesystem::perms;
    std::filesystem::permissions(entry, perms::owner_read | perms::owner_write);
    start();
    ASSERT_FALSE(slot().serving);
    EXPECT_NE(slot().not_serving_reason, "");
    std::filesystem::permissions(entry, perms::owner_all);
    EXPECT_TRUE(until([this] { return slot().serving; }));
}

// The new one holds the old one's file open for writing, so the kernel does not start that.
TEST_F(Watch, EndsTheFailingReleaseWhenThePreviousOneDoesNotStartBesideIt) {
    const auto first = program("1.0.0", solid);
    hub.order({order_for(first, "dep-1")});
    start();
    ASSERT_TRUE(until_active("1.0.0"));
    const auto busy =
        options.state_folder / "releases" / slot().active->manifest.hex() / "files/run.sh";
    const auto held = options.state_folder / "held";
    const auto greedy = "test -n \"$STRANDLINE_SELF_TEST\" && exec sleep 600\nexec 9>> " +
                        busy.string() + "\ntouch " + held.string() + "\nwhile ! test -e " +
                        (options.state_folder / "crash").string() +
                        "; do sleep 0.05; done\ntest -e " + held.string() +
                        "2 && exec sleep 600\ntouch " + held.string() + "2\nexit 7";
    hub.order({soaked(order_for(program("2.0.0", greedy), "dep-2"), hours{1})});
    ASSERT_TRUE(until([&] { return slot().state == "soak" && std::filesystem::exists(held); }));
    crash();
    ASSERT_TRUE(until([this] { return slot().refused && slot().state == "idle"; }));
    EXPECT_EQ(slot().active->version, "1.0.0");
    EXPECT_TRUE(slot().serving) << slot().not_serving_reason;
}

TEST_F(Watch, KeepsAProgramThatEndsTooOftenWhenThereIsNoOther) {
    hub.order({order_for(program("1.0.0", fragile), "dep-1")});
    start();
    ASSERT_TRUE(until_active("1.0.0"));
    crash();
    ASSERT_TRUE(until([this] { return slot().error.has_value(); }));
    EXPECT_EQ(slot().error->reason, "crashed");
    const auto told = slot().error->message;
    ASSERT_TRUE(until([&] { return slot().error->message != told; })) << "it goes on being counted";
    EXPECT_EQ(slot().active->version, "1.0.0");
    EXPECT_EQ(slot().state, "idle");
    EXPECT_FALSE(slot().refused);
}

TEST_F(Watch, CountsTheEndsOfEachProgramFromItsStart) {
    options.config.watch.max_restarts = 2;
    hub.order({order_for(program("1.0.0", fragile), "dep-1")});
    start();
    ASSERT_TRUE(until_active("1.0.0"));
    crash();
    ASSERT_TRUE(until([this] { return slot().error.has_value(); }));
    std::filesystem::remove(options.state_folder / "crash");
    hub.order({order_for(program("2.0.0", fragile), "dep-2")});
    ASSERT_TRUE(until_active("2.0.0"));
    crash();
    EXPECT_TRUE(until(
        [this] { return slot().refused && slot().active && slot().active->version == "1.0.0"; }));
}

TEST_F(Watch, CountsAProgramThatDoesNotStartAnyMore) {
    const auto path = folder.path() / "gone.sh";
    std::ofstream(path) << script("rm \"$0\"; exit 1");
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    ChildOptions child;
    child.argv = {path.string()};
    RestartPolicy policy;
    policy.backoff_base = policy.backoff_cap = std::chrono::milliseconds{1};
    const auto supervisor = ProcessSupervisor::start(std::move(child), policy).value();
    EXPECT_TRUE(until([&] { return supervisor->restarts() >= 3; }));
    EXPECT_EQ(supervisor->pid(), 0);
}

class Soak : public Watch {
protected:
    Soak() { options.clock = &clock; }
    ~Soak() override { stop(); }  // before the clock goes away
    void soak_first(std::chrono::milliseconds duration) {
        hub.order({soaked(order_for(program("1.0.0", solid), "dep-1"), duration)});
        start();
        ASSERT_TRUE(until([this] { return slot().state == "soak"; }));
    }
    FakeClock clock;
};

TEST_F(Soak, IsNotSkippedWhenTheSameReleaseIsOrderedAgain) {
    soak_first(hours{2});
    clock.advance(hours{1});
    hub.order({soaked(order_for(program("1.0.0", solid), "dep-2"), hours{2})});
    ASSERT_TRUE(until([this] { return slot().deployment == "dep-2" && slot().state == "soak"; }));
    EXPECT_EQ(journal().unproven, slot().active->manifest);
    clock.advance(hours{1});
    EXPECT_TRUE(until_active("1.0.0"));
    EXPECT_EQ(journal().completed->deployment, "dep-2");
}

TEST_F(Soak, GoesOnAfterARestart) {
    soak_first(hours{2});
    clock.advance(hours{1});
    stop();
    EXPECT_EQ(journal().soaked, hours{1});
    start();
    ASSERT_TRUE(until([this] { return slot().state == "soak"; }));
    clock.advance(hours{1});
    EXPECT_TRUE(until_active("1.0.0"));
    EXPECT_EQ(journal().soaked.count(), 0);
}

TEST_F(Soak, ThatLivedForAMinuteIsNoCrashLoop) {
    soak_first(hours{2});
    EXPECT_EQ(journal().entered[UpdateState::soak], 1U);
    clock.advance(std::chrono::seconds{61});
    ASSERT_TRUE(until([this] { return journal().soaked >= std::chrono::minutes{1}; }));
    EXPECT_EQ(journal().entered[UpdateState::soak], 0U);
}

/// Sends half, and then nothing until told to end.
net::Response stalled_response(std::string body, const bool& end) {
    struct Stall {
        static boost::asio::awaitable<Status> write(net::BodyWriter& writer, std::string half,
                                                    const bool& done) {
            const auto written = co_await writer.write(as_bytes(half));
            if (!written) co_return written;
            constexpr std::chrono::milliseconds look{5};
            while (!done) co_await net::sleep_for(look);
            co_return fail(Errc::cancelled, "the test cuts the line");
        }
    };
    net::Response response;
    response.headers.set("ETag", "\"e\"");
    body.resize(body.size() / 2);
    response.body = net::StreamBody([half = std::move(body), &end](net::BodyWriter& writer) {
        return Stall::write(writer, half, end);
    });
    return response;
}

TEST_F(Watch, DoesNotWaitForTheDownloadOfAnotherSlot) {
    install(solid);
    auto third = soaked(order_for(program("3.0.0", fragile), "dep-3"), hours{1});
    hub.order({third});
    ASSERT_TRUE(until([this] { return slot().state == "soak"; }));
    const std::string big(100'000, 'x');
    const auto other = order_for(manifest("1.0.0", big), "dep-4", "other");
    bool end = false;
    hub.fault = [&](const net::Request& request) -> std::optional<net::Response> {
        if (request.path != "/v1/blobs/" + sha256(big).hex()) return std::nullopt;
        return stalled_response(big, end);
    };
    hub.order({third, other});
    ASSERT_TRUE(until([this] { return slot("other").last_update.bytes_received > 0; }));
    crash();
    EXPECT_TRUE(until(
        [this] { return slot().active && slot().active->version == "2.0.0" && slot().refused; }));
    EXPECT_EQ(slot("other").state, "fetch");
    end = true;
    hub.fault = nullptr;
    stop();
}

}  // namespace
}  // namespace strandline::agent
