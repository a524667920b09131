#include "doctor/network_checks.h"

#include <arpa/inet.h>
#include <cerrno>
#include <fmt/core.h>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/file.h"
#include "doctor/machine_checks.h"
#include "net/http_date.h"
#include "net/mqtt_probe.h"

namespace strandline::doctor {
namespace {

constexpr std::chrono::seconds patience{10};

net::Task<net::ClientResponse> get(net::Runtime& runtime, net::ClientTls tls, std::string url) {
    net::ClientOptions options;
    options.tls = std::move(tls);
    options.connect_timeout = patience;
    CO_TRY(auto client, net::HttpClient::create(runtime, std::move(options)));
    net::ClientRequest request;
    request.url = std::move(url);
    request.deadline = Deadline::after(patience);
    co_return co_await client->send(std::move(request));
}

Status connect_to(const addrinfo& where) {
    const UniqueFd fd(::socket(where.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return error_from_errno("socket", errno);
    if (::connect(fd.get(), where.ai_addr, where.ai_addrlen) == 0) return {};
    if (errno != EINPROGRESS) return error_from_errno("connect", errno);
    pollfd wait{.fd = fd.get(), .events = POLLOUT, .revents = 0};
    const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(patience).count();
    if (::poll(&wait, 1, static_cast<int>(limit)) != 1)
        return fail(Errc::timeout, "connect: no answer");
    int failed = 0;
    socklen_t size = sizeof failed;
    ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &failed, &size);
    if (failed != 0) return error_from_errno("connect", failed);
    return {};
}

// Whether anything listens there at all.
Status reach(const std::string& host, std::uint16_t port) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int failed = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
    if (failed != 0) return fail(Errc::unavailable, host + ": " + ::gai_strerror(failed));
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, &::freeaddrinfo);
    Status reached = fail(Errc::unavailable, host + ": no address");
    for (const auto* at = found; at != nullptr && !reached; at = at->ai_next)
        reached = connect_to(*at);
    return reached;
}

net::MqttOptions broker_options(const BrokerProbe& probe) {
    net::MqttOptions options;
    options.host = probe.host;
    options.port = probe.port;
    options.ca_file = probe.ca_file;
    options.client_id = "strandline-doctor";
    options.session_expiry = std::chrono::seconds{0};
    return options;
}

Status try_broker(net::MqttOptions options, net::MqttUse use) {
    net::Runtime runtime({});
    return runtime.block_on(
        net::probe_mqtt(runtime, std::move(options), std::move(use), Deadline::after(patience)));
}

// On a topic that belongs to nobody: harmless should the broker let it pass.
net::Task<void> publish_for_another(net::MqttClient& client, std::string topic) {
    net::MqttMessage message;
    message.topic = std::move(topic);
    message.payload = "{}";
    co_return co_await client.publish_and_wait(std::move(message), Deadline::after(patience));
}

void check_strangers(Report& report, const BrokerProbe& probe) {
    const auto entered = try_broker(broker_options(probe), nullptr);
    if (entered) {
        return report.fault("broker access", "a client without a certificate gets in",
                            "require_certificate true, allow_anonymous false: see "
                            "strandlined print-broker-config");
    }
    const auto code = entered.error().code;
    if (code == Errc::timeout) {
        return report.warn("broker access", "no answer to a client without a certificate",
                           "check by hand that the broker refuses it");
    }
    report.ok("broker access", "closed to clients without a certificate");
}

void check_members(Report& report, const BrokerProbe& probe) {
    auto options = broker_options(probe);
    options.certificate_file = probe.certificate_file;
    options.key_file = probe.key_file;
    options.client_id = probe.name;
    const auto topic = probe.topic_root + "/d/nobody-at-all/up/doctor";
    bool connected = false;
    const auto passed =
        try_broker(std::move(options), [&connected, topic](net::MqttClient& client) {
            connected = true;
            return publish_for_another(client, topic);
        });
    const auto where = fmt::format("{}:{}", probe.host, probe.port);
    if (!connected) {
        return report.fault("broker", where + ": " + passed.error().message,
                            "check that it runs, its certificate and its CA");
    }
    report.ok("broker", where + " accepts a certificate of this hub");
    if (!passed && passed.error().code == Errc::forbidden) {
        return report.ok("broker rules", "a device cannot write for another");
    }
    report.fault("broker rules", passed ? "a device can write for another" : passed.error().message,
                 "use the acl of strandlined print-broker-config");
}

}  // namespace

Result<net::ClientResponse> ask(const net::ClientTls& tls, const std::string& url) {
    net::Runtime runtime({});
    return runtime.block_on(get(runtime, tls, url));
}

bool check_hub(Report& report, const std::string& url, const net::ClientTls& tls,
               const Clock& clock) {
    const auto answer = ask(tls, url + "/readyz");
    if (!answer) {
        const bool trust = answer.error().code == Errc::unauthenticated;
        report.fault("hub", url + ": " + answer.error().message,
                     trust ? "its certificate must name this host and come from the CA known here"
                           : "check that it runs, and the network and firewall in between");
        return false;
    }
    report.ok("hub", url + " answers, its certificate is good");
    if (answer->status == 200) {
        report.ok("hub ready", "yes");
    } else {
        report.fault("hub ready", "no: " + answer->body.substr(0, answer->body.find('\n')),
                     "look at its log, and run strandlined doctor there");
    }
    const auto date = answer->headers.find("Date");
    const auto there = date ? net::from_http_date(*date) : std::nullopt;
    if (there) check_clock(report, clock.wall(), *there, "the hub");
    return true;
}

void check_port_free(Report& report, std::string_view check, const std::string& address,
                     std::uint16_t port) {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    // Port 0 takes a free one; names and IPv6 are left to the start itself.
    if (port == 0 || ::inet_pton(AF_INET, address.c_str(), &where.sin_addr) != 1) return;
    const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0)
        return report.ok(check, fmt::format("{}:{} is free", address, port));
    report.fault(check, error_from_errno(fmt::format("{}:{}", address, port), errno).message,
                 "another program has it (ss -ltnp), or choose another port");
}

void check_broker(Report& report, const BrokerProbe& probe) {
    const auto where = fmt::format("{}:{}", probe.host, probe.port);
    if (const auto reached = reach(probe.host, probe.port); !reached) {
        return report.fault("broker", where + ": " + reached.error().message,
                            "check that it runs, and the network and firewall in between");
    }
    if (probe.certificate_file.empty()) report.ok("broker", where + " can be reached");
    if (!probe.certificate_file.empty()) check_members(report, probe);
    check_strangers(report, probe);
}

}  // namespace strandline::doctor
