#include "net/mqtt_client.h"

#include "net/mqtt_test_broker.h"
#include "net/mqtt_test_client.h"

namespace strandline::net {
namespace {

class MqttClientTest : public testing::Test {
protected:
    MqttOptions options(std::string client_id) {
        MqttOptions made;
        made.port = broker.port();
        made.client_id = std::move(client_id);
        made.tls = false;
        made.backoff_base = std::chrono::milliseconds{5};
        made.backoff_cap = std::chrono::milliseconds{50};
        return made;
    }
    /// Runs a test's coroutine on the event loop.
    void run(Task<void> task) {
        const auto done = runtime.block_on(std::move(task));
        EXPECT_TRUE(done) << done.error().message;
    }

    TestBroker broker;
    Runtime runtime{Runtime::Options{}};
};

Deadline soon() { return Deadline::after(patience); }

Task<void> carry_everything(Runtime& runtime, MqttOptions sender_options,
                            MqttOptions receiver_options) {
    RecordingClient receiver(runtime, std::move(receiver_options));
    RecordingClient sender(runtime, std::move(sender_options));
    receiver.record("open/#");
    receiver.client->start();
    sender.client->start();
    CO_EXPECT(co_await receiver.until_connected());
    CO_EXPECT(co_await sender.until_connected());
    // An own message that comes back proves that the subscription stands.
    CO_TRY(receiver.client->publish(text_message("open/ready", "")));
    CO_EXPECT(co_await receiver.until_received(1));
    receiver.messages.clear();
    for (const int qos : {0, 1}) {
        auto message = text_message("open/all", "payload", qos);
        message.expiry = std::chrono::seconds{100};
        message.content_type = "application/json";
        message.response_topic = "open/answers";
        message.correlation_data = std::string("\0\x01\xff", 3);
        message.user_properties = {{"a", "1"}, {"b", ""}, {"a", "2"}};
        CO_TRY(co_await sender.client->publish_and_wait(std::move(message), soon()));
    }
    CO_EXPECT(co_await receiver.until_received(2));
    for (std::size_t i = 0; i < 2; ++i) {
        const auto& message = receiver.messages[i];
        EXPECT_EQ(message.topic, "open/all");
        EXPECT_EQ(message.payload, "payload");
        EXPECT_EQ(message.qos, static_cast<int>(i));
        EXPECT_FALSE(message.retain);
        EXPECT_LE(message.expiry.value_or(std::chrono::seconds{0}).count(), 100);
        EXPECT_GT(message.expiry.value_or(std::chrono::seconds{0}).count(), 0);
        EXPECT_EQ(message.content_type, "application/json");
        EXPECT_EQ(message.response_topic, "open/answers");
        EXPECT_EQ(message.correlation_data, std::string("\0\x01\xff", 3));
        const std::vector<std::pair<std::string, std::string>> expected{
            {"a", "1"}, {"b", ""}, {"a", "2"}};
        EXPECT_EQ(message.user_properties, expected);
    }
    const auto refused = sender.client->publish(text_message("open/all", "payload", 2));
    EXPECT_EQ(refused.error().code, Errc::invalid);
    co_await sender.stop();
    co_await receiver.stop();
    co_return Status{};
}

TEST_F(MqttClientTest, CarriesEveryQosAndPropertyBothWays) {
    run(carry_everything(runtime, options("sender"), options("receiver")));
}

Task<void> keep_order(Runtime& runtime, MqttOptions options, int count) {
    options.max_outbox = static_cast<std::size_t>(count) + 1;
    RecordingClient client(runtime, std::move(options));
    client.record("open/order");
    client.client->start();
    CO_EXPECT(co_await client.until_connected());
    const auto began = system_clock().steady();
    for (int i = 0; i < count; ++i) {
        CO_TRY(client.client->publish(text_message("open/order", std::to_string(i))));
    }
    CO_EXPECT(co_await client.until_received(static_cast<std::size_t>(count)));
    const auto took = std::chrono::duration<double>(system_clock().steady() - began).count();
    testing::Test::RecordProperty("round_trips_per_second", static_cast<int>(count / took));
    for (int i = 0; i < count; ++i) {
        CO_EXPECT(client.messages[static_cast<std::size_t>(i)].payload == std::to_string(i));
    }
    std::function<bool()> empty = [&client] { return client.client->outbox() == 0; };
    CO_EXPECT(co_await client.until(std::move(empty)));
    EXPECT_EQ(client.messages.size(), static_cast<std::size_t>(count));
    co_await client.stop();
    co_return Status{};
}

TEST_F(MqttClientTest, FiveThousandMessagesArriveInOrderAtOneSubscriber) {
    run(keep_order(runtime, options("order"), 5'000));
}

Task<void> fill_outbox(Runtime& runtime, MqttOptions options) {
    options.max_outbox = 10;
    RecordingClient client(runtime, std::move(options));
    client.record("open/full");
    for (int i = 0; i < 10; ++i) {
        CO_TRY(client.client->publish(text_message("open/full", std::to_string(i))));
    }
    const auto refused = client.client->publish(text_message("open/full", "one too many"));
    CO_EXPECT(!refused);
    EXPECT_EQ(refused.error().code, Errc::exhausted);
    EXPECT_EQ(client.client->outbox(), 10U);
    client.client->start();
    CO_EXPECT(co_await client.until_received(10));
    EXPECT_EQ(client.messages.back().payload, "9");
    co_await client.stop();
    const auto late = client.client->publish(text_message("open/full", "late"));
    CO_EXPECT(!late);
    EXPECT_EQ(late.error().code, Errc::cancelled);
    co_return Status{};
}

TEST_F(MqttClientTest, OutboxIsBoundedAndSentOnceConnected) {
    run(fill_outbox(runtime, options("bound")));
}

Task<void> be_refused(Runtime& runtime, MqttOptions options) {
    RecordingClient client(runtime, std::move(options));
    client.client->start();
    CO_EXPECT(co_await client.until_connected());
    const auto denied =
        co_await client.client->publish_and_wait(text_message("closed/x", "x"), soon());
    CO_EXPECT(!denied);
    EXPECT_EQ(denied.error().code, Errc::forbidden) << denied.error().message;
    EXPECT_NE(denied.error().message.find("closed/x"), std::string::npos);
    const auto wild = co_await client.client->publish_and_wait(text_message("open/#", "x"), soon());
    CO_EXPECT(!wild);
    EXPECT_EQ(wild.error().code, Errc::invalid);
    EXPECT_TRUE(co_await client.client->publish_and_wait(text_message("open/x", "x"), soon()));
    EXPECT_EQ(client.client->outbox(), 0U);
    co_await client.stop();
    co_return Status{};
}

TEST_F(MqttClientTest, NamesRefusedPublications) { run(be_refused(runtime, options("refused"))); }

Task<void> leave_a_will(Runtime& runtime, MqttOptions watcher_options, MqttOptions polite_options,
                        MqttOptions killed_options) {
    RecordingClient watcher(runtime, std::move(watcher_options));
    watcher.record("open/state/+");
    watcher.client->start();
    CO_EXPECT(co_await watcher.until_connected());
    for (auto* mortal_options : {&polite_options, &killed_options}) {
        MqttWill will;
        will.topic = "open/state/" + mortal_options->client_id;
        will.payload = "offline";
        will.delay = std::chrono::seconds{0};
        mortal_options->will = will;
        auto mortal = std::make_unique<RecordingClient>(runtime, *mortal_options);
        mortal->client->start();
        CO_EXPECT(co_await mortal->until_connected());
        if (mortal_options == &polite_options) co_await mortal->stop();
        mortal.reset();
    }
    CO_EXPECT(co_await watcher.until_received(1));
    EXPECT_EQ(watcher.messages[0].topic, "open/state/killed");
    EXPECT_EQ(watcher.messages[0].payload, "offline");

    RecordingClient later(runtime, std::move(polite_options));
    later.record("open/state/#");
    later.client->start();
    CO_EXPECT(co_await later.until_received(1));
    EXPECT_TRUE(later.messages[0].retain) << "the will is retained for who comes later";
    EXPECT_EQ(watcher.messages.size(), 1U) << "stop() must not publish the will";
    co_await later.stop();
    co_await watcher.stop();
    co_return Status{};
}

TEST_F(MqttClientTest, WillIsPublishedForALostClientOnly) {
    run(leave_a_will(runtime, options("watcher"), options("polite"), options("killed")));
}

Task<void> survive_a_crash(Runtime& runtime, TestBroker& broker, MqttOptions sender_options,
                           MqttOptions receiver_options) {
    int windows_asked = 0;
    receiver_options.reconnect_window = [&windows_asked] {
        ++windows_asked;
        return std::chrono::milliseconds{1};
    };
    RecordingClient receiver(runtime, std::move(receiver_options));
    RecordingClient sender(runtime, std::move(sender_options));
    receiver.record("open/crash");
    receiver.client->start();
    sender.client->start();
    CO_EXPECT(co_await receiver.until_connected());
    CO_EXPECT(co_await sender.until_connected());
    broker.kill();
    std::function<bool()> both_lost = [&] {
        return !sender.client->connected() && !receiver.client->connected();
    };
    CO_EXPECT(co_await sender.until(std::move(both_lost)));
    EXPECT_EQ(sender.errors.at(0).code, Errc::unavailable) << sender.errors.at(0).message;
    for (int i = 0; i < 20; ++i) {
        CO_TRY(sender.client->publish(text_message("open/crash", std::to_string(i))));
    }
    broker.start();
    CO_EXPECT(co_await receiver.until_connected());
    std::function<bool()> sent = [&sender] { return sender.client->outbox() == 0; };
    CO_EXPECT(co_await sender.until(std::move(sent)));
    // The broker forgot the receiver's session, and may have had what was queued before it
    // subscribed again. Its own message follows its subscription on the same connection.
    auto probe = text_message("open/crash", "probe");
    CO_TRY(co_await receiver.client->publish_and_wait(std::move(probe), soon()));
    std::function<bool()> arrived = [&receiver] {
        return !receiver.messages.empty() && receiver.messages.back().payload == "probe";
    };
    CO_EXPECT(co_await receiver.until(std::move(arrived)));
    EXPECT_GE(sender.connects, 2);
    EXPECT_GE(windows_asked, 1) << "the announced window spreads the first reconnect";
    co_await sender.stop();
    co_await receiver.stop();
    co_return Status{};
}

TEST_F(MqttClientTest, ReconnectsAfterABrokerCrashAndSendsWhatWasQueued) {
    run(survive_a_crash(runtime, broker, options("sender"), options("receiver")));
}

Task<void> resume_a_session(Runtime& runtime, MqttOptions sender_options,
                            MqttOptions receiver_options) {
    RecordingClient sender(runtime, std::move(sender_options));
    sender.client->start();
    {
        RecordingClient first(runtime, receiver_options);
        first.record("open/session");
        first.client->start();
        CO_EXPECT(co_await first.until_connected());
        EXPECT_FALSE(first.session_present);
        CO_TRY(first.client->publish(text_message("open/session", "own")));
        CO_EXPECT(co_await first.until_received(1));
        co_await first.stop();
    }
    CO_TRY(co_await sender.client->publish_and_wait(text_message("open/session", "kept"), soon()));
    RecordingClient second(runtime, std::move(receiver_options));
    second.record("open/session");
    second.client->start();
    CO_EXPECT(co_await second.until_received(1));
    EXPECT_TRUE(second.session_present);
    EXPECT_EQ(second.messages[0].payload, "kept");
    second.client->reconnect();
    std::function<bool()> again = [&second] { return second.connects == 2; };
    CO_EXPECT(co_await second.until(std::move(again)));
    EXPECT_TRUE(second.session_present);
    CO_TRY(co_await sender.client->publish_and_wait(text_message("open/session", "after"), soon()));
    CO_EXPECT(co_await second.until_received(2));
    co_await second.stop();
    co_await sender.stop();
    co_return Status{};
}

TEST_F(MqttClientTest, SessionKeepsMessagesForAnAbsentClient) {
    run(resume_a_session(runtime, options("sender"), options("receiver")));
}

Task<void> share(Runtime& runtime, MqttOptions sender_options, MqttOptions a_options,
                 MqttOptions b_options) {
    RecordingClient sender(runtime, std::move(sender_options));
    RecordingClient a(runtime, std::move(a_options));
    RecordingClient b(runtime, std::move(b_options));
    for (auto* worker : {&a, &b}) {
        worker->record("$share/workers/open/jobs/+");
        worker->record("open/own/" + std::to_string(worker == &a));
        worker->client->start();
        CO_EXPECT(co_await worker->until_connected());
        CO_TRY(
            worker->client->publish(text_message("open/own/" + std::to_string(worker == &a), "")));
        CO_EXPECT(co_await worker->until_received(1));
    }
    sender.client->start();
    for (int i = 0; i < 100; ++i) {
        auto job = text_message("open/jobs/" + std::to_string(i % 10), std::to_string(i));
        CO_TRY(co_await sender.client->publish_and_wait(std::move(job), soon()));
    }
    std::function<bool()> all = [&] { return a.messages.size() + b.messages.size() >= 102; };
    CO_EXPECT(co_await a.until(std::move(all)));
    EXPECT_GT(a.messages.size(), 20U);
    EXPECT_GT(b.messages.size(), 20U);
    for (auto* client : {&a, &b, &sender}) co_await client->stop();
    co_return Status{};
}

TEST_F(MqttClientTest, SharedSubscriptionSplitsMessages) {
    run(share(runtime, options("sender"), options("a"), options("b")));
}

Task<void> be_taken_over(Runtime& runtime, MqttOptions options) {
    auto slow = options;
    slow.backoff_base = slow.backoff_cap = std::chrono::hours{1};
    RecordingClient first(runtime, slow);
    first.client->start();
    CO_EXPECT(co_await first.until_connected());
    RecordingClient second(runtime, std::move(options));
    second.client->start();
    CO_EXPECT(co_await second.until_connected());
    std::function<bool()> lost = [&first] { return !first.errors.empty(); };
    CO_EXPECT(co_await first.until(std::move(lost)));
    // mosquitto 2.0 closes the connection without a DISCONNECT that would say why.
    EXPECT_TRUE(first.errors[0].code == Errc::conflict || first.errors[0].code == Errc::unavailable)
        << first.errors[0].message;
    co_await first.stop();
    co_await second.stop();
    co_return Status{};
}

TEST_F(MqttClientTest, ASecondClientWithTheSameIdEndsTheFirst) {
    run(be_taken_over(runtime, options("twin")));
}

Task<void> flush(Runtime& runtime, MqttOptions sender_options, MqttOptions receiver_options) {
    RecordingClient receiver(runtime, std::move(receiver_options));
    receiver.record("open/flush");
    receiver.client->start();
    CO_EXPECT(co_await receiver.until_connected());
    CO_TRY(receiver.client->publish(text_message("open/flush", "own")));
    CO_EXPECT(co_await receiver.until_received(1));
    RecordingClient sender(runtime, std::move(sender_options));
    for (int i = 0; i < 500; ++i) {
        CO_TRY(sender.client->publish(text_message("open/flush", std::to_string(i))));
    }
    sender.client->start();
    CO_EXPECT(co_await sender.until_connected());
    co_await sender.stop();
    CO_EXPECT(co_await receiver.until_received(501));
    co_await receiver.stop();
    co_return Status{};
}

TEST_F(MqttClientTest, StopSendsWhatIsQueued) {
    run(flush(runtime, options("sender"), options("receiver")));
}

Task<void> fail_to_connect(Runtime& runtime, MqttOptions options, Errc expected) {
    RecordingClient client(runtime, std::move(options));
    client.client->start();
    std::function<bool()> failed = [&client] { return !client.errors.empty(); };
    CO_EXPECT(co_await client.until(std::move(failed)));
    EXPECT_EQ(client.errors[0].code, expected) << client.errors[0].message;
    const auto soon = Deadline::after(std::chrono::milliseconds(1));
    const auto unsent = co_await client.client->publish_and_wait(text_message("open/x", "x"), soon);
    CO_EXPECT(!unsent);
    EXPECT_EQ(unsent.error().code, Errc::timeout);
    EXPECT_EQ(client.client->outbox(), 0U) << "an unsent message is taken back";
    co_await client.stop();
    co_return Status{};
}

TEST_F(MqttClientTest, SaysWhyItCannotConnect) {
    std::uint16_t port = 0;
    const auto silent = bind_loopback(port);
    auto refused = options("nobody");
    refused.port = port;  // bound, not listening
    run(fail_to_connect(runtime, refused, Errc::unavailable));
    ASSERT_EQ(::listen(silent.get(), 5), 0);
    auto mute = options("mute");
    mute.port = port;
    mute.connect_timeout = std::chrono::milliseconds{200};
    run(fail_to_connect(runtime, mute, Errc::timeout));
    auto unknown = options("unknown");
    unknown.host = "no-such-host.invalid";
    run(fail_to_connect(runtime, unknown, Errc::unavailable));
    auto wrong_protocol = options("tls-to-plain");
    wrong_protocol.tls = true;
    wrong_protocol.ca_file = "/etc/ssl/certs/ca-certificates.crt";
    if (std::filesystem::exists(wrong_protocol.ca_file)) {
        wrong_protocol.connect_timeout = std::chrono::seconds{20};
        run(fail_to_connect(runtime, wrong_protocol, Errc::unavailable));
    }
}

TEST_F(MqttClientTest, RefusesBadOptions) {
    const auto rejected = [this](const std::function<void(MqttOptions&)>& change) {
        auto bad = options("bad");
        change(bad);
        const auto made = MqttClient::create(runtime, bad);
        return !made && made.error().code == Errc::invalid;
    };
    EXPECT_TRUE(rejected([](MqttOptions& bad) { bad.client_id.clear(); }));
    EXPECT_TRUE(rejected([](MqttOptions& bad) { bad.host.clear(); }));
    EXPECT_TRUE(rejected([](MqttOptions& bad) { bad.keepalive = std::chrono::seconds{1}; }));
    EXPECT_TRUE(rejected([](MqttOptions& bad) { bad.keepalive = std::chrono::seconds{70'000}; }));
    EXPECT_TRUE(rejected([](MqttOptions& bad) {
        bad.tls = true;
        bad.ca_file = "/nonexistent/ca.pem";
    }));
    EXPECT_TRUE(rejected([](MqttOptions& bad) {
        bad.will.emplace();
        bad.will->topic = "a/#";
    }));
}

}  // namespace
}  // namespace strandline::net
