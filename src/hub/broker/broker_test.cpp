// The broker as a process: what it carries, and what it survives.
#include "hub/broker/broker.h"

#include <csignal>
#include <functional>
#include <set>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hub/broker/broker_test_kit.h"

namespace strandline::hub {
namespace {

using net::RecordingClient;
using net::Task;
using net::text_message;

Task<void> carry_load(net::Runtime& runtime, net::MqttOptions hub_options,
                      net::MqttOptions device_options) {
    constexpr int count = 5'000;
    RecordingClient hub(runtime, std::move(hub_options));
    device_options.max_outbox = count;
    RecordingClient device(runtime, std::move(device_options));
    hub.record(topic("d/+/up/#"));
    hub.client->start();
    CO_EXPECT(co_await hub.until_connected());
    device.client->start();
    CO_EXPECT(co_await device.until_connected());
    for (int i = 0; i < count; ++i) {
        CO_TRY(
            device.client->publish(text_message(topic("d/dev-1/up/reported"), std::to_string(i))));
    }
    CO_EXPECT(co_await hub.until_received(count));
    for (int i = 0; i < count; ++i) {
        CO_EXPECT(hub.messages[static_cast<std::size_t>(i)].payload == std::to_string(i));
    }
    co_await device.stop();
    co_await hub.stop();
    co_return Status{};
}

TEST_F(BrokerTest, FiveThousandMessagesReachOneSubscriberOverTls) {
    start();
    run(carry_load(runtime, client("hub"), client("dev-1")));
}

Task<void> survive(net::Runtime& runtime, Broker& broker, net::MqttOptions hub_options,
                   net::MqttOptions device_options) {
    RecordingClient hub(runtime, std::move(hub_options));
    RecordingClient device(runtime, std::move(device_options));
    hub.record(topic("d/+/up/#"));
    hub.client->start();
    device.client->start();
    CO_EXPECT(co_await hub.until_connected());
    CO_EXPECT(co_await device.until_connected());
    const int before = broker.pid();
    CO_EXPECT(::kill(before, SIGKILL) == 0);
    std::function<bool()> lost = [&] { return !hub.errors.empty() && !device.errors.empty(); };
    CO_EXPECT(co_await hub.until(std::move(lost)));
    std::function<bool()> back = [&] { return hub.connects >= 2; };
    CO_EXPECT(co_await hub.until(std::move(back)));
    // An own message that comes back proves that the subscription stands again.
    CO_TRY(hub.client->publish(text_message(topic("d/hub/up/event"), "own")));
    CO_EXPECT(co_await hub.until_received(1));
    CO_TRY(device.client->publish(text_message(topic("d/dev-1/up/reported"), "queued")));
    CO_EXPECT(co_await hub.until_received(2));
    EXPECT_EQ(hub.messages[1].payload, "queued");
    EXPECT_EQ(broker.restarts(), 1U);
    EXPECT_NE(broker.pid(), before);
    co_await device.stop();
    co_await hub.stop();
    co_return Status{};
}

TEST_F(BrokerTest, IsRestartedOnItsPortWhenItDies) {
    start();
    const auto port = broker->port();
    run(survive(runtime, *broker, client("hub"), client("dev-1")));
    EXPECT_TRUE(broker->wait_running(soon()));
    EXPECT_EQ(broker->port(), port);
}

Task<void> leave_messages(net::Runtime& runtime, net::MqttOptions hub_options,
                          net::MqttOptions device_options) {
    RecordingClient device(runtime, std::move(device_options));
    device.record(topic("d/dev-1/down/#"));
    device.client->start();
    CO_EXPECT(co_await device.until_connected());
    RecordingClient hub(runtime, std::move(hub_options));
    hub.client->start();
    CO_EXPECT(co_await hub.until_connected());
    CO_TRY(co_await hub.client->publish_and_wait(text_message(topic("d/dev-1/down/cmd/a"), ""),
                                                 soon()));
    CO_EXPECT(co_await device.until_received(1));
    co_await device.stop();
    auto desired = text_message(topic("d/dev-1/down/desired"), "state");
    desired.retain = true;
    CO_TRY(co_await hub.client->publish_and_wait(std::move(desired), soon()));
    CO_TRY(co_await hub.client->publish_and_wait(
        text_message(topic("d/dev-1/down/cmd/b"), "queued"), soon()));
    co_await hub.stop();
    co_return Status{};
}

Task<void> find_messages(net::Runtime& runtime, net::MqttOptions device_options) {
    RecordingClient device(runtime, std::move(device_options));
    device.record(topic("d/dev-1/down/#"));
    device.client->start();
    CO_EXPECT(co_await device.until_connected());
    EXPECT_TRUE(device.session_present);
    std::function<bool()> both = [&device] {
        std::set<std::string> payloads;
        for (const auto& message : device.messages) payloads.insert(message.payload);
        return payloads == std::set<std::string>{"state", "queued"};
    };
    CO_EXPECT(co_await device.until(std::move(both)));
    co_await device.stop();
    co_return Status{};
}

TEST_F(BrokerTest, KeepsSessionsRetainedAndQueuedMessagesAndItsPortOverARestart) {
    start();
    const auto port = broker->port();
    auto device = client("dev-1");
    run(leave_messages(runtime, client("hub"), device));
    broker->stop();
    broker->stop();
    EXPECT_FALSE(broker->running());
    broker.reset();
    start();
    EXPECT_EQ(broker->port(), port);
    run(find_messages(runtime, device));
}

TEST_F(BrokerTest, EndsTheBrokerOfAKilledHub) {
    options.port = 0;
    start();
    const auto port = broker->port();
    broker.reset();
    options.port = port;
    // A hub that is killed: its broker gets SIGTERM from the kernel and may still be saving.
    const pid_t hub = ::fork();
    ASSERT_GE(hub, 0);
    if (hub == 0) {
        const auto started = Broker::start(options);
        ::kill(::getpid(), started ? SIGKILL : SIGTERM);
        ::_exit(1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(hub, &status, 0), hub);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    start();
    EXPECT_EQ(broker->port(), port);
    EXPECT_TRUE(broker->running());
}

TEST_F(BrokerTest, SaysWhyItCannotStart) {
    std::uint16_t taken = 0;
    const auto holder = net::bind_loopback(taken);
    ASSERT_EQ(::listen(holder.get(), 1), 0);
    auto busy = options;
    busy.port = taken;
    const auto refused = Broker::start(busy);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::conflict) << refused.error().message;

    auto missing = options;
    missing.program = "no-such-broker";
    EXPECT_EQ(Broker::start(missing).error().code, Errc::not_found);

    store("server.key", "not a key");
    const auto broken = Broker::start(options);
    ASSERT_FALSE(broken);
    EXPECT_EQ(broken.error().code, Errc::unavailable) << broken.error().message;
    EXPECT_NE(broken.error().message.find("server.key"), std::string::npos)
        << broken.error().message;
}

TEST_F(BrokerTest, TwoHubsDoNotShareAFolder) {
    start();
    const auto second = Broker::start(options);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::conflict);
    EXPECT_TRUE(broker->running()) << "the running broker was taken for a stale one";
}

}  // namespace
}  // namespace strandline::hub
