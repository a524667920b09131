// Who may do what at the broker.
#include <algorithm>
#include <array>
#include <fmt/core.h>
#include <functional>
#include <future>
#include <set>
#include <sys/socket.h>

#include "hub/broker/broker_test_kit.h"
#include "hub/broker/cut_session.h"
#include "hub/broker/mute_list.h"

namespace strandline::hub {
namespace {

using net::RecordingClient;
using net::Task;
using net::text_message;

class BrokerAccessTest : public BrokerTest {};

Task<void> expect_refusal(net::Runtime& runtime, net::MqttOptions options, Errc code) {
    RecordingClient client(runtime, std::move(options));
    client.client->start();
    // On a loopback the broker's reset can overtake its reason, so not each attempt is told one.
    std::function<bool()> refused = [&client, code] {
        return std::any_of(client.errors.begin(), client.errors.end(),
                           [code](const Error& error) { return error.code == code; });
    };
    CO_EXPECT(co_await client.until(std::move(refused)));
    EXPECT_EQ(client.connects, 0);
    co_await client.stop();
    co_return Status{};
}

TEST_F(BrokerAccessTest, RefusesClientsWithoutACertificateOfItsAuthority) {
    start();
    auto anonymous = client("dev-1");
    anonymous.certificate_file.clear();
    anonymous.key_file.clear();
    run(expect_refusal(runtime, anonymous, Errc::unauthenticated));

    auto other = trust::CertificateAuthority::open_or_create(folder.path() / "other", "stranger",
                                                             system_clock());
    ASSERT_TRUE(other);
    const auto stranger = (*other)->issue_client("dev-1", std::chrono::hours{1});
    ASSERT_TRUE(stranger);
    auto strange = client("dev-1");
    store("dev-1.crt", stranger->issued.certificate_pem);
    store("dev-1.key", stranger->private_key_pem);
    run(expect_refusal(runtime, strange, Errc::unauthenticated));

    auto distrustful = client("dev-1");
    store("other.crt", (*other)->certificate_pem());
    distrustful.ca_file = file("other.crt");
    run(expect_refusal(runtime, distrustful, Errc::unauthenticated));

    auto elsewhere = client("dev-1");
    elsewhere.host = "127.0.0.2";
    run(expect_refusal(runtime, elsewhere, Errc::unavailable));
}

TEST_F(BrokerAccessTest, ClientsRefuseABrokerWhoseCertificateIsForAnotherHost) {
    options.address = "127.0.0.2";
    start();
    auto device = client("dev-1");
    device.host = "127.0.0.2";
    run(expect_refusal(runtime, device, Errc::unauthenticated));
}

Task<void> keep_devices_apart(net::Runtime& runtime, net::MqttOptions hub_options,
                              net::MqttOptions one_options, net::MqttOptions two_options) {
    RecordingClient hub(runtime, std::move(hub_options));
    RecordingClient one(runtime, std::move(one_options));
    RecordingClient two(runtime, std::move(two_options));
    hub.record("$share/hub/" + topic("d/+/up/#"));
    one.record(topic("d/dev-1/down/#"));
    one.record(topic("b/#"));
    two.record(topic("#"));
    for (auto* client : {&hub, &one, &two}) {
        client->client->start();
        CO_EXPECT(co_await client->until_connected());
    }
    auto desired = text_message(topic("d/dev-1/down/desired"), "state");
    desired.retain = true;
    CO_TRY(co_await hub.client->publish_and_wait(std::move(desired), soon()));
    CO_TRY(co_await hub.client->publish_and_wait(text_message(topic("d/dev-2/down/cmd/report"), ""),
                                                 soon()));
    auto announcement = text_message(topic("b/announce"), "all");
    announcement.retain = true;
    CO_TRY(co_await hub.client->publish_and_wait(std::move(announcement), soon()));
    CO_EXPECT(co_await one.until_received(2));
    CO_EXPECT(co_await two.until_received(2));
    const std::set<std::string> seen{two.messages[0].topic, two.messages[1].topic};
    EXPECT_EQ(seen.count(topic("d/dev-1/down/desired")), 0U)
        << "another device's topic was delivered";

    const auto forged = co_await two.client->publish_and_wait(
        text_message(topic("d/dev-1/up/reported"), "x"), soon());
    CO_EXPECT(!forged);
    EXPECT_EQ(forged.error().code, Errc::forbidden) << forged.error().message;
    const auto command = co_await two.client->publish_and_wait(
        text_message(topic("d/dev-2/down/desired"), "x"), soon());
    EXPECT_FALSE(command) << "a device gave itself a desired state";
    CO_TRY(co_await two.client->publish_and_wait(text_message(topic("d/dev-2/up/reported"), "mine"),
                                                 soon()));
    CO_EXPECT(co_await hub.until_received(1));
    EXPECT_EQ(hub.messages[0].payload, "mine");

    // Who comes later still gets the retained state.
    RecordingClient& late = one;
    late.messages.clear();
    late.client->reconnect();
    CO_EXPECT(co_await late.until_received(2));
    std::set<std::string> retained;
    for (const auto& message : late.messages) retained.insert(message.payload);
    EXPECT_EQ(retained, (std::set<std::string>{"state", "all"}));
    for (auto* client : {&hub, &one, &two}) co_await client->stop();
    co_return Status{};
}

TEST_F(BrokerAccessTest, DevicesReadAndWriteTheirOwnTopicsOnly) {
    start();
    run(keep_devices_apart(runtime, client("hub"), client("dev-1"), client("dev-2")));
}

/// Revokes dev-1 while it is connected.
Task<void> revoke_live(net::Runtime& runtime, net::MqttOptions device_options,
                       std::function<Status()> reload, SessionCut cut) {
    RecordingClient device(runtime, std::move(device_options));
    device.client->start();
    CO_EXPECT(co_await device.until_connected());
    CO_TRY(reload());
    EXPECT_TRUE(device.client->connected()) << "the CRL alone does not end a session";
    CO_TRY(co_await cut_session(runtime, std::move(cut), soon()));
    std::function<bool()> refused = [&device] {
        return !device.errors.empty() && device.errors.back().code == Errc::unauthenticated;
    };  // see expect_refusal()
    CO_EXPECT(co_await device.until(std::move(refused)));
    EXPECT_EQ(device.connects, 1) << "a revoked device came back";
    EXPECT_NE(device.errors.back().message.find("revoked"), std::string::npos)
        << device.errors.back().message;
    co_await device.stop();
    co_return Status{};
}

TEST_F(BrokerAccessTest, RevocationRefusesTheCertificateAndCutsTheSession) {
    start();
    auto device = client("dev-1");
    const auto kept = client("dev-2");
    const auto replacement = authority->issue_client("dev-1", std::chrono::minutes{5});
    ASSERT_TRUE(replacement);
    SessionCut cut;
    cut.host = "127.0.0.1";
    cut.port = broker->port();
    cut.client_id = "dev-1";
    cut.ca_file = file("ca.crt");
    cut.certificate_pem = replacement->issued.certificate_pem;
    cut.private_key_pem = replacement->private_key_pem;
    cut.folder = folder.path();
    run(revoke_live(
        runtime, device,
        [this] {
            revoke({{serials["dev-1"], system_clock().wall()}});
            return broker->reload(soon());
        },
        cut));
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
        EXPECT_FALSE(entry.path().filename().string().starts_with("cut-"))
            << "a key was left behind";
    }
    run(expect_refusal(runtime, device, Errc::unauthenticated));
    const auto connects = [](net::Runtime& on, net::MqttOptions with) -> Task<void> {
        RecordingClient other(on, std::move(with));
        other.client->start();
        CO_EXPECT(co_await other.until_connected());
        co_await other.stop();
        co_return Status{};
    };
    run(connects(runtime, kept));
}

Task<void> mute_live(net::Runtime& runtime, Broker& broker, net::MqttOptions muted_options,
                     net::MqttOptions other_options) {
    RecordingClient muted(runtime, std::move(muted_options));
    RecordingClient other(runtime, std::move(other_options));
    for (auto* one : {&muted, &other}) {
        one->client->start();
        CO_EXPECT(co_await one->until_connected());
    }
    const auto say = [](RecordingClient& from, std::string_view device) {
        return from.client->publish_and_wait(
            text_message(topic(fmt::format("d/{}/up/reported", device)), "x"), soon());
    };
    CO_TRY(co_await say(muted, "dev-1"));
    std::vector<std::string> names{"dev-1"};
    const std::function<std::vector<std::string>()> now = [&names] { return names; };
    CO_TRY(broker.mute(now, soon()));
    const auto refused = co_await say(muted, "dev-1");
    CO_EXPECT(!refused && refused.error().code == Errc::forbidden);
    CO_TRY(co_await say(other, "dev-2"));
    names.clear();
    CO_TRY(broker.mute(now, soon()));
    CO_TRY(co_await say(muted, "dev-1"));
    for (auto* one : {&muted, &other}) co_await one->stop();
    co_return Status{};
}

TEST_F(BrokerAccessTest, MutedDeviceMayNotPublishUntilItMayAgain) {
    start();
    run(mute_live(runtime, *broker, client("dev-1"), client("dev-2")));
}

TEST_F(BrokerAccessTest, AnOlderListOfTheMutedNeverReplacesANewerOne) {
    start();
    MuteList list({}, system_clock());
    static_cast<void>(list.add("dev-1"));
    std::promise<void> first_asks;
    std::promise<void> second_calls;
    auto first = std::async(std::launch::async, [&] {
        return broker->mute(
            [&] {
                auto names = list.names();
                first_asks.set_value();
                second_calls.get_future().wait();
                return names;
            },
            soon());
    });
    first_asks.get_future().wait();
    static_cast<void>(list.add("dev-2"));
    auto second = std::async(std::launch::async, [&] {
        second_calls.set_value();
        return broker->mute([&] { return list.names(); }, soon());
    });
    EXPECT_TRUE(first.get());
    EXPECT_TRUE(second.get());
    const auto rules = read_text_file(options.folder / "acl", 1 << 20).value();
    EXPECT_NE(rules.find("dev-2"), std::string::npos);
}

Task<void> steal_session(net::Runtime& runtime, net::MqttOptions victim_options,
                         net::MqttOptions thief_options) {
    RecordingClient victim(runtime, std::move(victim_options));
    victim.client->start();
    CO_EXPECT(co_await victim.until_connected());
    thief_options.client_id = "dev-1";
    RecordingClient thief(runtime, std::move(thief_options));
    thief.client->start();
    CO_EXPECT(co_await thief.until_connected());
    const auto alive = co_await victim.client->publish_and_wait(
        text_message(topic("d/dev-1/up/reported"), ""), soon());
    EXPECT_TRUE(alive);
    EXPECT_TRUE(victim.errors.empty()) << "a device pushed another one out";
    EXPECT_FALSE(thief.session_present);
    co_await thief.stop();
    co_await victim.stop();
    co_return Status{};
}

TEST_F(BrokerAccessTest, NoDeviceTakesAnothersSession) {
    start();
    run(steal_session(runtime, client("dev-1"), client("dev-2")));
}

/// Sends a CONNECT of MQTT 3.1.1 with this user name and returns the CONNACK's code.
int connect_as(std::uint16_t port, std::string_view user) {
    const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    const auto text = [](std::string_view part) {
        return std::string{'\0', static_cast<char>(part.size())} + std::string(part);
    };
    const std::string body = text("MQTT") + '\x04' + '\xc2' + std::string{'\0', '\x3c'} +
                             text("c") + text(user) + text("any");
    EXPECT_TRUE(
        write_all(fd.get(), as_bytes(std::string{'\x10', static_cast<char>(body.size())} + body)));
    std::array<char, 4> answer{};
    EXPECT_EQ(::recv(fd.get(), answer.data(), answer.size(), MSG_WAITALL), 4);
    return answer[3];
}

Task<void> read_plain(net::Runtime& runtime, net::MqttOptions hub_options, std::uint16_t port) {
    net::MqttOptions plain_options;
    plain_options.port = port;
    plain_options.client_id = "legacy";
    plain_options.tls = false;
    RecordingClient plain(runtime, std::move(plain_options));
    plain.record("pushnotification");
    plain.record(topic("d/#"));
    RecordingClient hub(runtime, std::move(hub_options));
    for (auto* client : {&plain, &hub}) {
        client->client->start();
        CO_EXPECT(co_await client->until_connected());
    }
    for (const char* denied : {"pushnotification", "strandline/v1/d/legacy/up/event"}) {
        const auto written =
            co_await plain.client->publish_and_wait(text_message(denied, "x"), soon());
        EXPECT_FALSE(written) << denied;
    }
    CO_TRY(co_await hub.client->publish_and_wait(
        text_message(topic("d/dev-1/down/desired"), "secret"), soon()));
    auto notice = text_message("pushnotification", "notice");
    notice.retain = true;
    CO_TRY(co_await hub.client->publish_and_wait(std::move(notice), soon()));
    CO_EXPECT(co_await plain.until_received(1));
    EXPECT_EQ(plain.messages[0].payload, "notice");
    co_await plain.stop();
    co_await hub.stop();
    co_return Status{};
}

TEST_F(BrokerAccessTest, PlainListenerOnlyReadsItsTopics) {
    options.plain_listener.emplace();
    options.plain_listener->readable_topics = {"pushnotification"};
    start();
    ASSERT_NE(broker->plain_port(), 0);
    run(read_plain(runtime, client("hub"), broker->plain_port()));
    constexpr int not_authorised = 5;
    for (const char* name : {"hub", "dev-1"}) {
        EXPECT_EQ(connect_as(broker->plain_port(), name), not_authorised) << name;
    }
}

}  // namespace
}  // namespace strandline::hub
