#include <deque>
#include <gtest/gtest.h>

#include "hub/api/api_json.h"
#include "hub/test_hub.h"
#include "net/mqtt_client.h"
#include "registry/channel_store.h"
#include "store/sql/database.h"
#include "trust/authority.h"
#include "trust/desired_state.h"
#include "trust/envelope.h"
#include "trust/keyset.h"
#include "trust/report.h"

namespace strandline::hub {
namespace {

using net::Method;

boost::json::object object_of(const Result<net::ClientResponse>& answer) {
    if (!answer) {
        ADD_FAILURE() << answer.error().message;
        return {};
    }
    const auto parsed = parse_json(answer->body, "answer");
    EXPECT_TRUE(parsed && parsed->is_object()) << answer->status << " " << answer->body;
    return parsed && parsed->is_object() ? parsed->get_object() : boost::json::object{};
}

std::string text_of(const boost::json::object& object, std::string_view key) {
    const auto* value = object.if_contains(key);
    return value != nullptr && value->is_string()
               ? std::string(std::string_view(value->get_string()))
               : "";
}

struct EnrolledDevice {
    std::string id;
    std::string certificate;
    std::string key;
    trust::KeySet keys;
    std::unique_ptr<net::HttpClient> client;
};

EnrolledDevice enrol(TestHub& hub, const std::string& name) {
    const auto token = object_of(hub.call(Method::post, "/v1/join-tokens", "{}"));
    const auto pair = trust::make_certificate_request(name).value();
    const boost::json::object body{
        {"token", text_of(token, "token")}, {"csr", pair.csr_pem}, {"name", name}};
    net::ClientRequest request;
    request.method = Method::post;
    request.url = "/v1/enroll";
    request.body = write_json(body);
    const auto anonymous = hub.client();
    const auto answer = object_of(hub.send(*anonymous, std::move(request)));
    EnrolledDevice device;
    device.id = text_of(answer, "device");
    device.certificate = text_of(answer, "certificate");
    device.key = pair.private_key_pem;
    const auto envelope = trust::envelope_from_json(write_json(answer.at("keyset")));
    device.keys = trust::first_keyset(envelope.value()).value();
    device.client = hub.client(device.certificate, device.key);
    return device;
}

Result<net::ClientResponse> as_device(TestHub& hub, EnrolledDevice& device, Method method,
                                      std::string path, std::string body = {}) {
    net::ClientRequest request;
    request.method = method;
    request.url = std::move(path);
    request.body = std::move(body);
    return hub.send(*device.client, std::move(request));
}

boost::json::object push(TestHub& hub, const std::string& version, const std::string& model,
                         int status = 201) {
    const std::string form =
        "--b\r\nContent-Disposition: form-data; name=\"release\"\r\n\r\n"
        "{\"package\":\"leaf\",\"channel\":\"stable\",\"version\":\"" +
        version +
        "\"}\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; "
        "filename=\"leaf.onnx\"\r\n\r\n" +
        model + "\r\n--b--\r\n";
    const auto answer =
        hub.call(Method::post, "/v1/releases", form, "multipart/form-data; boundary=b");
    EXPECT_EQ(answer ? answer->status : 0, status)
        << (answer ? answer->body : answer.error().message);
    return object_of(answer);
}

// Receives messages of one subscription and lets a test wait for them.
class Listener {
public:
    Listener(TestHub& hub, net::MqttOptions options, const std::string& filter)
        : hub_(&hub), arrived_(hub.runtime.executor()) {
        client_ = net::MqttClient::create(hub.runtime, std::move(options)).value();
        client_->subscribe(filter, 1, [this](const net::MqttMessage& message) {
            messages_.push_back(message);
            arrived_.notify();
        });
        client_->start();
    }
    ~Listener() { ignore(hub_->runtime.block_on(stop()), "end of the test"); }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    Result<net::MqttMessage> next(std::chrono::seconds patience = std::chrono::seconds(30)) {
        return hub_->runtime.block_on(wait(patience));
    }

private:
    net::Task<net::MqttMessage> wait(std::chrono::seconds patience) {
        const auto deadline = Deadline::after(patience);
        while (messages_.empty()) {
            if (!co_await arrived_.wait(deadline)) co_return fail(Errc::timeout, "no message came");
        }
        auto first = std::move(messages_.front());
        messages_.pop_front();
        co_return first;
    }
    net::Task<bool> stop() {
        co_await client_->stop(Deadline::after(std::chrono::seconds(5)));
        co_return true;
    }

    TestHub* hub_;
    net::Signal arrived_;
    std::deque<net::MqttMessage> messages_;
    std::unique_ptr<net::MqttClient> client_;
};

net::MqttOptions device_mqtt(TestHub& hub, const EnrolledDevice& device) {
    const auto& folder = hub.folder.path();
    EXPECT_TRUE(write_file_atomically(folder / "ca.pem", as_bytes(hub.hub->ca_certificate())));
    EXPECT_TRUE(write_file_atomically(folder / "device.pem", as_bytes(device.certificate)));
    EXPECT_TRUE(write_file_atomically(folder / "device.key", as_bytes(device.key)));
    net::MqttOptions options;
    options.port = hub.hub->addresses().mqtt_port;
    options.client_id = device.id;
    options.ca_file = folder / "ca.pem";
    options.certificate_file = folder / "device.pem";
    options.key_file = folder / "device.key";
    return options;
}

TEST(HubEndToEnd, ReleaseReachesADeviceThatThenProvesIt) {
    TestHub hub(false);
    auto device = enrol(hub, "cam-1");
    ASSERT_EQ(device.id, "cam-1");
    EXPECT_EQ(as_device(hub, device, Method::get, "/v1/device/desired")->status, 404);

    const auto release = push(hub, "1.0.0", "model bytes");
    push(hub, "1.0.0", "model bytes", 200);
    push(hub, "1.0.0", "other bytes", 409);
    const auto deployed = hub.call(Method::post, "/v1/deployments",
                                   R"({"package":"leaf","channel":"stable","to":{"all":true}})");
    ASSERT_EQ(deployed->status, 201) << deployed->body;
    const auto deployment = text_of(object_of(deployed), "id");

    Listener listener(hub, device_mqtt(hub, device), "strandline/v1/d/cam-1/down/desired");
    const auto message = listener.next();
    ASSERT_TRUE(message) << message.error().message;
    const auto envelope = trust::envelope_from_json(message->payload);
    ASSERT_TRUE(envelope);
    const auto payload =
        trust::verify_envelope(*envelope, trust::desired_type, device.keys.desired);
    ASSERT_TRUE(payload) << payload.error().message;
    const auto desired = trust::desired_state_from_json(*payload);
    ASSERT_TRUE(desired);
    ASSERT_EQ(desired->slots.size(), 1U);
    EXPECT_EQ(desired->slots[0].deployment, deployment);
    EXPECT_EQ(as_device(hub, device, Method::get, "/v1/device/desired")->body, message->payload);

    const auto digest = sha256("model bytes").hex();
    EXPECT_EQ(as_device(hub, device, Method::get, "/v1/blobs/" + digest)->body, "model bytes");
    EXPECT_EQ(as_device(hub, device, Method::get, "/v1/blobs/" + sha256("x").hex())->status, 404);
    EXPECT_EQ(as_device(hub, device, Method::get, "/v1/manifests/" + text_of(release, "manifest"))
                  ->status,
              200);
    EXPECT_EQ(as_device(hub, device, Method::get, "/v1/devices")->status, 403);

    trust::Report report;
    report.device = device.id;
    report.boot = 1;
    report.sequence = 1;
    report.generation = desired->generation;
    trust::ReportedSlot slot;
    slot.slot = "leaf";
    slot.state = "idle";
    slot.deployment = deployment;
    trust::ReportedRelease active;
    active.package = "leaf";
    active.version = "1.0.0";
    active.variant = "default";
    active.manifest = desired->slots[0].manifest;
    slot.active = active;
    report.slots.push_back(slot);
    const auto reported =
        as_device(hub, device, Method::post, "/v1/device/reports", trust::to_json(report));
    ASSERT_EQ(reported->status, 204) << reported->body;
    const auto shown = object_of(hub.call(Method::get, "/v1/deployments/" + deployment));
    EXPECT_EQ(text_of(shown, "state"), "succeeded");
}

TEST(HubEndToEnd, RevokedDeviceLosesAccess) {
    TestHub hub(false);
    auto device = enrol(hub, "cam-1");
    ASSERT_EQ(as_device(hub, device, Method::get, "/v1/whoami")->status, 200);
    ASSERT_EQ(hub.call(Method::post, "/v1/devices/cam-1/revoke")->status, 200);
    // The connection that stands is refused by the check of each request, a new one by TLS.
    const auto standing = as_device(hub, device, Method::get, "/v1/whoami");
    EXPECT_TRUE(!standing || standing->status == 401);
    const auto fresh = hub.client(device.certificate, device.key);
    net::ClientRequest request;
    request.url = "/v1/whoami";
    EXPECT_FALSE(hub.send(*fresh, std::move(request)));
}

// Asks twice before: the second answer comes from memory, which has to learn of the end too.
TEST(HubEndToEnd, ARemovedTokenOpensNothingMore) {
    TestHub hub(false);
    const auto blob = object_of(hub.call(Method::post, "/v1/blobs", "some bytes", "text/plain"));
    const auto made =
        object_of(hub.call(Method::post, "/v1/tokens", R"({"name":"brief","role":"viewer"})"));
    const auto client = hub.client();
    const auto ask = [&](const std::string& path) {
        net::ClientRequest request;
        request.url = path;
        request.headers.set("Authorization", "Bearer " + text_of(made, "token"));
        const auto answer = hub.send(*client, std::move(request));
        EXPECT_TRUE(answer) << answer.error().message;
        return answer ? answer->status : 0;
    };
    const auto download = "/v1/blobs/" + text_of(blob, "sha256");
    for (const auto& path : {std::string("/v1/whoami"), download, std::string("/v1/status")}) {
        EXPECT_EQ(ask(path), 200) << path;
        EXPECT_EQ(ask(path), 200) << path;
    }
    EXPECT_EQ(ask("/v1/tokens"), 403);
    ASSERT_EQ(hub.call(Method::del, "/v1/tokens/" + text_of(made, "id"))->status, 204);
    for (const auto& path : {std::string("/v1/whoami"), download, std::string("/v1/status")}) {
        EXPECT_EQ(ask(path), 401) << path;
    }
}

TEST(HubEndToEnd, SecondStartKeepsWhatTheFirstStored) {
    TestHub hub(false);
    push(hub, "1.0.0", "model bytes");
    const auto ca = hub.hub->ca_certificate();
    hub.stop();
    EXPECT_TRUE(hub.ran);
    EXPECT_FALSE(std::filesystem::exists(hub.folder.path() / "state" / "hub.json"));
    HubConfig config;
    config.state = hub.folder.path() / "state";
    config.http.port = 0;
    config.mqtt.port = 0;
    hub.hub.reset();
    const auto again = Hub::create(config);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ((*again)->first_token(), "");
    EXPECT_EQ((*again)->ca_certificate(), ca);
    EXPECT_TRUE(std::filesystem::exists(hub.folder.path() / "state" / "hub.json"));
}

std::unique_ptr<store::Database> database_of(TestHub& hub) {
    store::DatabaseOptions options;
    options.url = "sqlite:" + (hub.folder.path() / "state" / "hub.db").string();
    return store::Database::open(options, store::hub_migrations()).value();
}

TEST(HubEndToEnd, AFailedDeltaIsTriedAgainWhenItIsAskedForLater) {
    TestHub hub(false);
    push(hub, "1.0.0", "model bytes");
    push(hub, "2.0.0", "other model bytes");
    const auto ask = [&] {
        const auto answer = hub.call(Method::get, "/v1/deltas/" + sha256("model bytes").hex() +
                                                      "/" + sha256("other model bytes").hex());
        EXPECT_TRUE(answer) << answer.error().message;
        const auto jobs = object_of(hub.call(Method::get, "/v1/deltas")).at("items").as_array();
        return jobs.size() == 1 ? text_of(jobs.at(0).as_object(), "state") : "not one job";
    };
    EXPECT_EQ(ask(), "not_worth");
    const auto fail_until = [&](std::int64_t due_ms) {
        const auto done = database_of(hub)->write<void>([&](store::Transaction& t) -> Status {
            TRY(t.execute("UPDATE delta_jobs SET state = 'failed', due_ms = :1", {due_ms}));
            return {};
        });
        EXPECT_TRUE(done) << done.error().message;
    };
    fail_until(to_unix_ms(system_clock().wall() + std::chrono::hours{1}));
    EXPECT_EQ(ask(), "failed");
    fail_until(0);
    EXPECT_EQ(ask(), "not_worth");
}

// As a hub that ends between the move of a channel and that of its followers.
void move_channel_alone(TestHub& hub, const std::string& version) {
    const auto database = database_of(hub);
    registry::ChannelStore channels(*database, system_clock(), {});
    EXPECT_TRUE(channels.move("stable", {"leaf", version, "default"}).value().moved);
}

class Followers : public testing::Test {
protected:
    Followers() {
        push(hub, "2.0.0", "new model");
        push(hub, "1.0.0", "model bytes");
        const auto followed =
            hub.call(Method::post, "/v1/deployments",
                     R"({"package":"leaf","channel":"stable","to":{"all":true}})");
        EXPECT_EQ(followed->status, 201) << followed->body;
    }
    /// Versions of all deployments, the newest first.
    [[nodiscard]] std::string deployed() {
        std::string versions;
        const auto listed = object_of(hub.call(Method::get, "/v1/deployments"));
        for (const auto& item : listed.at("items").as_array())
            versions += text_of(item.as_object(), "version") + " ";
        return versions;
    }

    TestHub hub{false};
};

TEST_F(Followers, LeftBehindAreBroughtAlongWhenTheMoveIsRepeated) {
    move_channel_alone(hub, "2.0.0");
    EXPECT_EQ(deployed(), "1.0.0 ");
    const auto put = [this] {
        return object_of(
            hub.call(Method::put, "/v1/packages/leaf/channels/stable", R"({"version":"2.0.0"})"));
    };
    EXPECT_EQ(put().at("deployments").as_array().size(), 1U);
    EXPECT_EQ(deployed(), "2.0.0 1.0.0 ");
    EXPECT_EQ(put().at("deployments").as_array().size(), 0U);
    // The same by pushing the same release again.
    move_channel_alone(hub, "1.0.0");
    push(hub, "1.0.0", "model bytes", 200);
    EXPECT_EQ(deployed(), "1.0.0 2.0.0 1.0.0 ");
}

TEST_F(Followers, LeftBehindAreBroughtAlongAtTheStart) {
    hub.restart([this] { move_channel_alone(hub, "2.0.0"); });
    EXPECT_EQ(deployed(), "2.0.0 1.0.0 ");
    hub.restart([] {});
    EXPECT_EQ(deployed(), "2.0.0 1.0.0 ");
}

TEST(HubEndToEnd, ErrorsAreOfTheCatalogue) {
    TestHub hub(false);
    const auto anonymous = hub.client();
    net::ClientRequest request;
    request.url = "/v1/devices";
    EXPECT_EQ(hub.send(*anonymous, std::move(request))->status, 401);
    EXPECT_EQ(hub.call(Method::get, "/v1/devices/none")->status, 404);
    EXPECT_EQ(hub.call(Method::get, "/v1/devices?limit=0")->status, 400);
    EXPECT_EQ(hub.call(Method::post, "/v1/tokens", "{\"name\":\"x\"}")->status, 400);
    EXPECT_EQ(hub.call(Method::get, "/v1/nothing")->status, 404);
    const auto audit = object_of(hub.call(Method::get, "/v1/audit"));
    ASSERT_TRUE(audit.contains("items"));
    EXPECT_EQ(text_of(audit.at("items").as_array().at(0).as_object(), "outcome"), "invalid");
}

TEST(HubEndToEnd, LegacyUploadIsAnnouncedAndServed) {
    TestHub hub(true);
    net::MqttOptions plain;
    plain.tls = false;
    plain.port = hub.hub->addresses().legacy_mqtt_port;
    plain.client_id = "old-device";
    Listener listener(hub, std::move(plain), "pushnotification");
    const std::string form =
        "--b\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nLeaf\r\n"
        "--b\r\nContent-Disposition: form-data; name=\"description\"\r\n\r\nleaf diseases\r\n"
        "--b\r\nContent-Disposition: form-data; name=\"version\"\r\n\r\n01\r\n"
        "--b\r\nContent-Disposition: form-data; name=\"document\"; "
        "filename=\"best.model.onnx\"\r\n\r\n"
        "model bytes\r\n--b--\r\n";
    const auto post = [&](std::string body) {
        net::ClientRequest request;
        request.method = Method::post;
        request.url = hub.hub->addresses().legacy_url + "/api/file_upload/";
        request.headers.set("Content-Type", "multipart/form-data; boundary=b");
        request.body = std::move(body);
        const auto anonymous = hub.client();
        return hub.send(*anonymous, std::move(request));
    };
    const auto first = post(form);
    ASSERT_TRUE(first);
    ASSERT_EQ(first->status, 201) << first->body;
    const auto row = object_of(first);
    EXPECT_EQ(row.at("id").as_int64(), 1);
    EXPECT_TRUE(text_of(row, "document").ends_with("/media/Files/Leaf/Leaf-01.onnx"));
    // The notice is not retained, and the subscription may not have stood at the first upload: the
    // same upload again is announced again.
    auto notice = listener.next(std::chrono::seconds(1));
    for (int again = 0; again < 30 && !notice; ++again) {
        ASSERT_EQ(post(form)->status, 200);
        notice = listener.next(std::chrono::seconds(1));
    }
    ASSERT_TRUE(notice) << notice.error().message;
    const auto told = parse_json(notice->payload, "notice");
    ASSERT_TRUE(told);
    EXPECT_EQ(text_of(told->as_object(), "Model_Name"), "Leaf");
    EXPECT_EQ(text_of(told->as_object(), "Version"), "01");
    net::ClientRequest fetch;
    fetch.url = text_of(told->as_object(), "Download");
    const auto anonymous = hub.client();
    EXPECT_EQ(hub.send(*anonymous, std::move(fetch))->body, "model bytes");

    EXPECT_EQ(post(form)->status, 200);
    auto other = form;
    other.replace(other.find("model bytes"), 5, "other");
    EXPECT_EQ(post(other)->status, 400);
    const auto empty =
        post("--b\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nX\r\n--b--\r\n");
    EXPECT_EQ(empty->status, 400);
    EXPECT_EQ(empty->body,
              R"({"description":["This field is required."],"document":["No file was submitted."],)"
              R"("version":["This field is required."]})");
    EXPECT_EQ(hub.call(Method::get, "/v1/releases/leaf@1.0.0:default")->status, 200);
}

}  // namespace
}  // namespace strandline::hub
