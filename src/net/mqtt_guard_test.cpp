#include <fmt/core.h>
#include <functional>
#include <gtest/gtest.h>
#include <random>
#include <thread>

#include "net/mqtt_test_broker.h"
#include "net/mqtt_test_client.h"

namespace strandline::net {
namespace {

using std::string_literals::operator""s;

const std::string connack = "\x20\x03\0\0\0"s;

/// A broker that says the same to everybody who sends CONNECT, and then listens until they leave.
class HostileBroker {
public:
    explicit HostileBroker(std::string words)
        : words_(std::move(words)), listener_(bind_loopback(port_)) {
        EXPECT_EQ(::listen(listener_.get(), 5), 0);
        thread_ = std::thread([this] { serve(); });
    }
    ~HostileBroker() {
        ::shutdown(listener_.get(), SHUT_RDWR);
        thread_.join();
    }
    HostileBroker(const HostileBroker&) = delete;
    HostileBroker& operator=(const HostileBroker&) = delete;

    [[nodiscard]] std::uint16_t port() const { return port_; }

private:
    void serve() {
        for (;;) {
            const UniqueFd client(::accept(listener_.get(), nullptr, nullptr));
            if (!client) return;
            std::array<char, 4096> heard{};
            if (::recv(client.get(), heard.data(), heard.size(), 0) <= 0) continue;
            std::string_view rest = words_;
            while (!rest.empty()) {
                const auto sent = ::send(client.get(), rest.data(),
                                         std::min<std::size_t>(rest.size(), 4096), MSG_NOSIGNAL);
                if (sent <= 0) break;
                rest.remove_prefix(static_cast<std::size_t>(sent));
            }
            while (::recv(client.get(), heard.data(), heard.size(), 0) > 0) {
            }
        }
    }

    std::string words_;
    std::uint16_t port_ = 0;
    UniqueFd listener_;
    std::thread thread_;
};

class MqttGuardTest : public testing::Test {
protected:
    static MqttOptions options(const HostileBroker& broker) {
        MqttOptions made;
        made.port = broker.port();
        made.client_id = "victim";
        made.tls = false;
        made.max_packet_bytes = 1000;
        made.connect_timeout = std::chrono::seconds{20};
        made.backoff_base = std::chrono::milliseconds{5};
        made.backoff_cap = std::chrono::milliseconds{50};
        return made;
    }
    /// What ends a connection with a broker that says this after CONNACK, twice the same.
    std::string end_after(const std::string& words) {
        const HostileBroker broker(words);
        std::string message;
        const auto done = runtime.block_on(suffer(runtime, options(broker), message));
        EXPECT_TRUE(done) << done.error().message;
        return message;
    }

    static Task<void> suffer(Runtime& runtime, MqttOptions options, std::string& message) {
        const auto prefix = fmt::format("MQTT 127.0.0.1:{}: the broker sent ", options.port);
        RecordingClient client(runtime, std::move(options));
        client.record("a/#", 2);
        client.client->start();
        std::function<bool()> twice = [&client] { return client.errors.size() >= 2; };
        if (!co_await client.until(std::move(twice))) co_return fail(Errc::timeout, "it goes on");
        EXPECT_EQ(client.errors[0].code, Errc::corrupt) << client.errors[0].message;
        EXPECT_EQ(client.errors[1].message, client.errors[0].message) << "it comes again";
        EXPECT_EQ(client.errors[0].message.substr(0, prefix.size()), prefix);
        message = client.errors[0].message.substr(prefix.size());
        received = client.messages.size() / client.errors.size();
        co_await client.stop();
        co_return Status{};
    }

    Runtime runtime{Runtime::Options{}};
    static inline std::size_t received = 0;
};

TEST_F(MqttGuardTest, AnUnknownPropertyEndsTheConnectionAndNotTheProgram) {
    EXPECT_EQ(end_after(connack + "\x30\x08\0\1a\4\x7e\0\0\0"s),
              "a PUBLISH with an unknown property 0x7e");
    EXPECT_EQ(end_after(connack + "\xf0\x04\x18\2\x7e\0"s),
              "an AUTH, which no broker may send here");
}

TEST_F(MqttGuardTest, NoiseEndsNoMoreThanTheConnection) {
    std::mt19937 dice(1);  // NOLINT(bugprone-random-generator-seed,cert-msc51-cpp): repeatable
    const auto below = [&dice](unsigned bound) { return dice() % bound; };
    for (int round = 0; round < 200; ++round) {
        std::string properties(1 + below(60), '\0');
        for (auto& byte : properties) byte = static_cast<char>(below(256));
        const bool auth = round % 2 == 0;
        const auto front = auth ? "\x18"s : "\0\1a"s;
        const auto content = front + static_cast<char>(properties.size()) + properties;
        // Noise may be good by chance; what follows never is.
        const auto packet =
            (auth ? "\xf0"s : "\x30"s) + static_cast<char>(content.size()) + content;
        EXPECT_NE(end_after(connack + packet + "\xff"), "") << "round " << round;
    }
}

TEST_F(MqttGuardTest, AHugePacketIsRefusedByItsHead) {
    EXPECT_EQ(end_after(connack + "\x30\x80\x84\xaf\x5f"s),
              "a PUBLISH of 200000005 bytes, but 1000 were agreed on");
}

TEST_F(MqttGuardTest, GoodPacketsBeforeTheBadOneArrive) {
    const auto good = "\x32\x08\0\3a/b\0\7\0"s;
    EXPECT_EQ(end_after(connack + good + good + good + "\xd0\1x"s),
              "a PINGRESP with bytes behind its end");
    EXPECT_EQ(received, 3U);
}

TEST_F(MqttGuardTest, NothingComesBeforeConnack) {
    EXPECT_EQ(end_after("\x30\4\0\1a\0"s), "a PUBLISH before CONNACK");
}

TEST_F(MqttGuardTest, NoFolderOfTheLocalSocketStays) {
    const auto folders = [] {
        int count = 0;
        std::error_code failed;
        for (const auto& entry : std::filesystem::directory_iterator("/dev/shm", failed)) {
            const auto name = entry.path().filename().string();
            if (name.starts_with(fmt::format("strandline-{}-", ::getpid()))) ++count;
        }
        return count;
    };
    EXPECT_NE(end_after(connack + "\xff"), "");
    EXPECT_EQ(folders(), 0);
}

}  // namespace
}  // namespace strandline::net
