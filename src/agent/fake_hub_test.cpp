#include "agent/fake_hub.h"

#include <gtest/gtest.h>

#include "agent/transfer/download.h"
#include "base/log.h"

namespace strandline::agent {
namespace {

trust::SigningKey new_key() { return std::move(trust::SigningKey::generate()).value(); }

std::string quoted(const std::string& text) { return "\"" + text + "\""; }

}  // namespace

HubKeys::HubKeys() : root(new_key()), manifest(new_key()), desired(new_key()) {}

void HubKeys::rotate() {
    ++version;
    manifest = new_key();
    desired = new_key();
}

std::string HubKeys::keyset() const {
    trust::KeySet set;
    set.version = version;
    set.root = {root.public_key()};
    set.manifest = {manifest.public_key()};
    set.desired = {desired.public_key()};
    return trust::to_json(
        trust::sign_envelope(trust::keyset_type, trust::to_json(set), root).value());
}

FakeHub::FakeHub(net::Runtime& runtime, const std::filesystem::path& folder) {
    authority_ =
        std::move(trust::CertificateAuthority::open_or_create(folder, "fake hub", system_clock()))
            .value();
    net::Router router;
    const auto handler = [this](net::Request& request) { return answer(request); };
    for (const auto method : {net::Method::get, net::Method::post}) {
        router.add(method, "/{rest...}", handler);
    }
    server_ = std::move(net::HttpServer::create(runtime, std::move(router), net::ServerOptions{}))
                  .value();
}

std::string FakeHub::url() const { return "http://127.0.0.1:" + std::to_string(server_->port()); }

Status FakeHub::write_identity(const std::filesystem::path& state, const std::string& name) {
    device = name;
    TRY(auto key, trust::make_certificate_request(name));
    TRY(const auto issued,
        authority_->sign_request(key.csr_pem, name, std::chrono::hours{24 * 90}));
    Identity identity;
    identity.address.device = name;
    identity.address.hub = url();
    identity.private_key_pem = key.private_key_pem;
    identity.certificate_pem = issued.certificate_pem;
    identity.ca_pem = authority_->certificate_pem();
    return save_identity(state / "identity", identity, keys.keyset());
}

Sha256Digest FakeHub::add_blob(std::string content) {
    const auto digest = sha256(content);
    blobs[digest.hex()] = std::move(content);
    return digest;
}

Sha256Digest FakeHub::add_manifest(const trust::Manifest& manifest) {
    const auto envelope =
        trust::sign_envelope(trust::manifest_type, trust::to_json(manifest), keys.manifest).value();
    manifests[envelope.digest().hex()] = trust::to_json(envelope);
    return envelope.digest();
}

void FakeHub::add_delta(const Sha256Digest& base, const Sha256Digest& target, std::string content) {
    deltas[base.hex() + "/" + target.hex()] = std::move(content);
}

std::string FakeHub::sign_desired(std::int64_t number,
                                  std::vector<trust::DesiredSlot> slots) const {
    trust::DesiredState state;
    state.device = device;
    state.generation = number;
    state.issued = to_rfc3339(system_clock().wall());
    state.slots = std::move(slots);
    state.spread = spread;
    return trust::to_json(
        trust::sign_envelope(trust::desired_type, trust::to_json(state), keys.desired).value());
}

void FakeHub::order(std::vector<trust::DesiredSlot> slots) {
    desired = sign_desired(++generation, std::move(slots));
}

boost::asio::awaitable<Result<net::Response>> FakeHub::answer(net::Request& request) {
    const auto range = request.headers.find("Range");
    requests.push_back(std::string(net::to_string(request.method)) + " " + request.path +
                       (range ? " " + std::string(*range) : ""));
    if (fault) {
        if (auto response = fault(request)) co_return std::move(*response);
    }
    co_return route(request);
}

net::Response FakeHub::route(const net::Request& request) {
    const auto& path = request.path;
    const auto tail = [&path](std::string_view prefix) { return path.substr(prefix.size()); };
    if (path == "/v1/device/reports") {
        auto report = trust::report_from_json(request.body);
        EXPECT_TRUE(report) << request.body;
        if (report) reports.push_back(std::move(*report));
        return net::text_response(204, "");
    }
    if (path == "/v1/device/keyset") return net::json_response(200, keys.keyset());
    if (path == "/v1/device/desired") {
        if (desired.empty())
            return net::error_response(fail(Errc::not_found, "nothing desired yet"));
        const auto known = request.headers.find("If-None-Match");
        if (known && *known == quoted(std::to_string(generation)))
            return net::text_response(304, "");
        return net::json_response(200, desired);
    }
    if (path.starts_with("/v1/manifests/")) {
        const auto found = manifests.find(tail("/v1/manifests/"));
        if (found != manifests.end()) return net::json_response(200, found->second);
    }
    if (path.starts_with("/v1/blobs/")) return bytes(request, blobs, tail("/v1/blobs/"));
    if (path.starts_with("/v1/deltas/")) return bytes(request, deltas, tail("/v1/deltas/"));
    return net::error_response(fail(Errc::not_found, path + " is not here"));
}

net::Response FakeHub::bytes(const net::Request& request,
                             const std::map<std::string, std::string>& from,
                             const std::string& key) const {
    const auto found = from.find(key);
    if (found == from.end()) return net::error_response(fail(Errc::not_found, "no such bytes"));
    const auto& body = found->second;
    const auto etag = quoted(sha256(body).hex());
    const auto range = request.headers.find("Range");
    const auto if_range = request.headers.find("If-Range");
    auto response = net::text_response(200, body, "application/octet-stream");
    if (range && (!if_range || *if_range == etag)) {
        const auto start =
            std::stoull(std::string(range->substr(std::string_view("bytes=").size())));
        if (start >= body.size()) return net::text_response(416, "");
        response = net::text_response(206, body.substr(start), "application/octet-stream");
        response.headers.set("Content-Range", "bytes " + std::to_string(start) + "-" +
                                                  std::to_string(body.size() - 1) + "/" +
                                                  std::to_string(body.size()));
    }
    response.headers.set("ETag", etag);
    return response;
}

net::Response cut_response(std::string body, std::string etag) {
    struct Cut {
        static boost::asio::awaitable<Status> write(net::BodyWriter& writer, std::string half) {
            const auto written = co_await writer.write(as_bytes(half));
            if (!written) co_return written;
            co_return fail(Errc::cancelled, "the test cuts the line");
        }
    };
    net::Response response;
    response.headers.set("ETag", std::move(etag));
    body.resize(body.size() / 2);
    response.body = net::StreamBody(
        [half = std::move(body)](net::BodyWriter& writer) { return Cut::write(writer, half); });
    return response;
}

TEST(ContentRange, ReadsOnlyWellFormedRanges) {
    const auto good = parse_content_range("bytes 5-9/10");
    ASSERT_TRUE(good);
    EXPECT_EQ(good->start, 5U);
    EXPECT_EQ(good->total, 10U);
    for (const auto* bad :
         {"", "bytes", "bytes 5-9", "bytes 5-9/*", "bytes 9-5/10", "bytes 5-10/10", "bytes -5/10",
          "items 5-9/10", "bytes 5-9/10x", "bytes 99999999999999999999-9/10"}) {
        EXPECT_FALSE(parse_content_range(bad)) << bad;
    }
}

}  // namespace strandline::agent
