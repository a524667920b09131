#include "hub/broker/broker.h"

#include <csignal>
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <set>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "hub/broker/cut_session.h"
#include "hub/test_folder.h"
#include "net/mqtt_test_broker.h"
#include "net/mqtt_test_client.h"
#include "trust/authority.h"

namespace strandline::hub {
namespace {

using net::patience;
using net::RecordingClient;
using net::Task;
using net::text_message;

constexpr std::string_view root = "strandline/v1/";

Deadline soon() { return Deadline::after(patience); }

#define CO_EXPECT(condition)                                                      \
    do {                                                                          \
        if (!(condition)) {                                                       \
            ADD_FAILURE() << #condition;                                          \
            co_return fail(Errc::internal, "the test cannot go on: " #condition); \
        }                                                                         \
    } while (false)

/// Certificates of a test hub, and a broker that uses them.
class BrokerTest : public testing::Test {
protected:
    void SetUp() override {
        auto opened = trust::CertificateAuthority::open_or_create(folder.path() / "ca", "test hub",
                                                                  system_clock());
        ASSERT_TRUE(opened) << opened.error().message;
        authority = std::move(*opened);
        const std::vector<std::string> names{"localhost", "127.0.0.1"};
        const auto server = authority->issue_server("broker", names, std::chrono::days{1});
        ASSERT_TRUE(server) << server.error().message;
        store("server.crt", server->issued.certificate_pem);
        store("server.key", server->private_key_pem);
        store("ca.crt", authority->certificate_pem());
        revoke({});
        options.folder = folder.path() / "broker";
        options.ca_file = file("ca.crt");
        options.certificate_file = file("server.crt");
        options.key_file = file("server.key");
        options.crl_file = file("crl.pem");
        options.backoff_base = std::chrono::milliseconds{5};
        options.backoff_cap = std::chrono::milliseconds{50};
    }

    void start() {
        auto started = Broker::start(options);
        ASSERT_TRUE(started) << started.error().message;
        broker = std::move(*started);
    }
    [[nodiscard]] std::filesystem::path file(std::string_view name) const {
        return folder.path() / name;
    }
    void store(std::string_view name, std::string_view text) const {
        ASSERT_TRUE(write_file_atomically(file(name), as_bytes(text)));
    }
    void revoke(const std::vector<trust::Revoked>& revoked) {
        const auto crl = authority->make_crl(revoked, ++crl_number, std::chrono::hours{24});
        ASSERT_TRUE(crl) << crl.error().message;
        store("crl.pem", *crl);
    }
    /// Connection options for a certificate name; the serial goes to `serials`.
    net::MqttOptions client(const std::string& name) {
        const auto issued = authority->issue_client(name, std::chrono::hours{1});
        EXPECT_TRUE(issued) << issued.error().message;
        store(name + ".crt", issued->issued.certificate_pem);
        store(name + ".key", issued->private_key_pem);
        serials[name] = issued->issued.serial;
        net::MqttOptions made;
        made.port = broker->port();
        made.client_id = name;
        made.ca_file = file("ca.crt");
        made.certificate_file = file(name + ".crt");
        made.key_file = file(name + ".key");
        made.backoff_base = std::chrono::milliseconds{5};
        made.backoff_cap = std::chrono::milliseconds{50};
        return made;
    }
    void run(Task<void> task) {
        const auto done = runtime.block_on(std::move(task));
        EXPECT_TRUE(done) << done.error().message;
    }

    TestFolder folder;
    std::unique_ptr<trust::CertificateAuthority> authority;
    std::int64_t crl_number = 0;
    std::map<std::string, std::string> serials;
    BrokerOptions options;
    std::unique_ptr<Broker> broker;
    net::Runtime runtime{net::Runtime::Options{}};
};

std::string topic(std::string_view rest) { return std::string(root) + std::string(rest); }

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

TEST_F(BrokerTest, RefusesClientsWithoutACertificateOfItsAuthority) {
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

TEST_F(BrokerTest, ClientsRefuseABrokerWhoseCertificateIsForAnotherHost) {
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

TEST_F(BrokerTest, DevicesReadAndWriteTheirOwnTopicsOnly) {
    start();
    run(keep_devices_apart(runtime, client("hub"), client("dev-1"), client("dev-2")));
}

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

TEST_F(BrokerTest, RevocationRefusesTheCertificateAndCutsTheSession) {
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
    CO_TRY(broker.mute({"dev-1"}, soon()));
    const auto refused = co_await say(muted, "dev-1");
    CO_EXPECT(!refused && refused.error().code == Errc::forbidden);
    CO_TRY(co_await say(other, "dev-2"));
    CO_TRY(broker.mute({}, soon()));
    CO_TRY(co_await say(muted, "dev-1"));
    for (auto* one : {&muted, &other}) co_await one->stop();
    co_return Status{};
}

TEST_F(BrokerTest, MutedDeviceMayNotPublishUntilItMayAgain) {
    start();
    run(mute_live(runtime, *broker, client("dev-1"), client("dev-2")));
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

TEST_F(BrokerTest, NoDeviceTakesAnothersSession) {
    start();
    run(steal_session(runtime, client("dev-1"), client("dev-2")));
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

TEST_F(BrokerTest, PlainListenerOnlyReadsItsTopics) {
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
