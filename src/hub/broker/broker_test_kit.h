#pragma once

#include <chrono>
#include <filesystem>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "hub/broker/broker.h"
#include "hub/test_folder.h"
#include "net/mqtt_test_broker.h"
#include "net/mqtt_test_client.h"
#include "trust/authority.h"

// For tests only.
namespace strandline::hub {

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
    void run(net::Task<void> task) {
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

inline Deadline soon() { return Deadline::after(net::patience); }
inline std::string topic(std::string_view rest) { return "strandline/v1/" + std::string(rest); }

}  // namespace strandline::hub
