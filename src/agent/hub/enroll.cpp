#include "agent/hub/enroll.h"

#include <chrono>
#include <sys/utsname.h>
#include <utility>

#include "agent/hub/identity.h"
#include "agent/hub/messages.h"
#include "base/file.h"
#include "base/ids.h"
#include "net/http_client.h"
#include "trust/authority.h"
#include "trust/token.h"

namespace strandline::agent {
namespace {

constexpr std::chrono::seconds enroll_timeout{60};

std::string machine_arch() {
    utsname name{};
    return ::uname(&name) == 0 ? std::string(name.machine) : std::string{};
}

Status check_options(const EnrollOptions& options) {
    if (!options.name.empty()) TRY(check_name("device name", options.name));
    TRY(net::Url::parse(options.hub_url));
    TRY(trust::Token::parse(options.token, trust::join_token_kind));
    return {};
}

/// A request for the key of this folder. The key is on disk before the hub hears of it, so that a
/// device which is cut off before it has stored the answer asks again as the same device.
Result<trust::KeyAndRequest> request_certificate(const StateFolder& state,
                                                 const std::string& name) {
    auto kept = load_private_key(state.identity());
    if (kept) {
        auto csr = trust::make_request_for_key(*kept, name);
        if (csr) return trust::KeyAndRequest{std::move(*kept), std::move(*csr)};
    }
    TRY(auto made, trust::make_certificate_request(name));
    TRY(save_private_key(state.identity(), made.private_key_pem));
    return made;
}

/// Turns the hub's answer into an identity, checked as far as it can be.
Result<Identity> make_identity(EnrollAnswer answer, std::string private_key_pem) {
    TRY(const auto certificate, trust::read_certificate(answer.certificate_pem));
    if (certificate.common_name != answer.address.device) {
        return fail(Errc::corrupt, "the hub calls us " + answer.address.device +
                                       " but certified the name " + certificate.common_name);
    }
    Identity identity;
    identity.address = std::move(answer.address);
    identity.private_key_pem = std::move(private_key_pem);
    identity.certificate_pem = std::move(answer.certificate_pem);
    identity.ca_pem = std::move(answer.ca_pem);
    TRY(const auto envelope, trust::envelope_from_json(answer.keyset));
    TRY(identity.keys, trust::first_keyset(envelope));
    return identity;
}

}  // namespace

net::Task<std::string> enroll(net::Runtime& runtime, StateFolder state, EnrollOptions options) {
    CO_TRY(check_options(options));
    CO_TRY(state.prepare());
    CO_TRY(const auto lock, LockFile::acquire(state.lock_file()));
    CO_TRY(state.remove_unfinished());
    if (is_enrolled(state.identity())) {
        co_return fail(Errc::conflict,
                       "this agent is enrolled already; use another --state folder, or remove " +
                           state.identity().string() + " to enrol it anew");
    }
    CO_TRY(const auto token, trust::Token::parse(options.token, trust::join_token_kind));
    CO_TRY(auto key, request_certificate(state, options.name.empty() ? "device" : options.name));

    net::ClientOptions client_options;
    client_options.tls.ca_sha256 = token.ca_sha256;
    CO_TRY(const auto client, net::HttpClient::create(runtime, std::move(client_options)));
    EnrollRequest body;
    body.token = options.token;
    body.csr = key.csr_pem;
    body.name = options.name;
    body.labels = options.labels;
    body.arch = machine_arch();
    net::ClientRequest request;
    request.method = net::Method::post;
    request.url = options.hub_url;
    while (request.url.ends_with('/')) request.url.pop_back();
    request.url += "/v1/enroll";
    request.headers.set("Content-Type", "application/json");
    request.body = to_json(body);
    request.deadline = Deadline::after(enroll_timeout);
    auto response = co_await client->send(std::move(request));
    if (!response) co_return context("enrol", std::move(response).error());
    if (response->status >= 400) co_return net::to_error(*response, "enrol");

    CO_TRY(auto answer, enroll_answer_from_json(response->body));
    const auto keyset = answer.keyset;
    CO_TRY(const auto identity, make_identity(std::move(answer), std::move(key.private_key_pem)));
    CO_TRY(save_identity(state.identity(), identity, keyset));
    co_return identity.address.device;
}

}  // namespace strandline::agent
