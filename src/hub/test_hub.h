#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "hub/hub.h"
#include "hub/test_folder.h"
#include "net/http_client.h"
#include "net/runtime.h"

namespace strandline::hub {

/// A whole hub on free ports with its own folder, serving on a thread, and a client for it.
class TestHub {
public:
    explicit TestHub(bool legacy) {
        config.state = folder.path() / "state";
        config.http.port = 0;
        config.mqtt.port = 0;
        config.http.drain = std::chrono::milliseconds(2'000);
        config.legacy.enabled = legacy;
        config.legacy.port = 0;
        config.legacy.mqtt_port = 0;
        start();
        token_ = hub->first_token();
    }
    ~TestHub() { stop(); }
    TestHub(const TestHub&) = delete;
    TestHub& operator=(const TestHub&) = delete;

    void stop() {
        if (hub) hub->stop();
        if (serving_.joinable()) serving_.join();
    }

    /// On the same folder, after `between`, which finds nobody in it.
    void restart(const std::function<void()>& between) {
        stop();
        admin_.reset();
        hub.reset();
        between();
        start();
    }

    /// A client that trusts this hub's CA, as a device when it has a certificate.
    std::unique_ptr<net::HttpClient> client(const std::string& certificate = {},
                                            const std::string& key = {}) {
        net::ClientOptions options;
        options.tls.ca_pem = hub->ca_certificate();
        options.tls.certificate_pem = certificate;
        options.tls.private_key_pem = key;
        return net::HttpClient::create(runtime, std::move(options)).value();
    }

    Result<net::ClientResponse> send(net::HttpClient& client, net::ClientRequest request) {
        if (request.url.starts_with("/")) request.url = hub->addresses().url + request.url;
        request.deadline = Deadline::after(std::chrono::seconds(30));
        return runtime.block_on(client.send(std::move(request)));
    }

    /// A call with the administrator's token.
    Result<net::ClientResponse> call(net::Method method, std::string path, std::string body = {},
                                     const std::string& content_type = "application/json") {
        if (!admin_) admin_ = client();
        net::ClientRequest request;
        request.method = method;
        request.url = std::move(path);
        request.body = std::move(body);
        request.headers.set("Authorization", "Bearer " + token_);
        if (!request.body.empty()) request.headers.set("Content-Type", content_type);
        return send(*admin_, std::move(request));
    }

    TestFolder folder;
    HubConfig config;
    net::Runtime runtime{{.worker_threads = 1}};
    std::unique_ptr<Hub> hub;
    Status ran;

private:
    void start() {
        hub = Hub::create(config).value();
        serving_ = std::thread([this] { ran = hub->run(); });
    }

    std::string token_;
    std::unique_ptr<net::HttpClient> admin_;
    std::thread serving_;
};

}  // namespace strandline::hub
