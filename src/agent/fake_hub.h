#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/hub/identity.h"
#include "net/http_server.h"
#include "net/runtime.h"
#include "trust/authority.h"
#include "trust/desired_state.h"
#include "trust/keyset.h"
#include "trust/manifest.h"
#include "trust/report.h"

// For tests only: a hub that says what a test wants, over a real HTTP server on loopback.
namespace strandline::agent {

/// The keys of a hub, and their key set.
struct HubKeys {
    HubKeys();
    /// New manifest and desired keys under the same root.
    void rotate();
    [[nodiscard]] std::string keyset() const;

    std::int64_t version = 1;
    trust::SigningKey root;
    trust::SigningKey manifest;
    trust::SigningKey desired;
};

class FakeHub {
public:
    using Fault = std::function<std::optional<net::Response>(const net::Request&)>;

    FakeHub(net::Runtime& runtime, const std::filesystem::path& folder);

    [[nodiscard]] std::string url() const;
    /// An identity folder for `device`, as enrolment would have left it.
    [[nodiscard]] Status write_identity(const std::filesystem::path& state,
                                        const std::string& device);

    Sha256Digest add_blob(std::string bytes);
    /// Signs and offers a manifest. Its files must have been added.
    Sha256Digest add_manifest(const trust::Manifest& manifest);
    void add_delta(const Sha256Digest& base, const Sha256Digest& target, std::string bytes);
    /// Orders these slots under the next generation.
    void order(std::vector<trust::DesiredSlot> slots);
    [[nodiscard]] std::string sign_desired(std::int64_t generation,
                                           std::vector<trust::DesiredSlot> slots) const;

    /// Answers before anything else when it returns something.
    Fault fault;
    HubKeys keys;
    std::string device = "d-1";
    std::map<std::string, std::string> manifests;  ///< digest -> envelope
    std::map<std::string, std::string> blobs;      ///< digest -> bytes
    std::map<std::string, std::string> deltas;     ///< "base/target" -> bytes
    std::string desired;                           ///< envelope; empty: 404
    std::int64_t generation = 0;
    std::vector<std::string> requests;  ///< "GET /v1/... Range"
    std::vector<trust::Report> reports;
    std::chrono::milliseconds spread{0};

private:
    [[nodiscard]] boost::asio::awaitable<Result<net::Response>> answer(net::Request& request);
    [[nodiscard]] net::Response route(const net::Request& request);
    [[nodiscard]] net::Response bytes(const net::Request& request,
                                      const std::map<std::string, std::string>& from,
                                      const std::string& key) const;

    std::unique_ptr<trust::CertificateAuthority> authority_;
    std::unique_ptr<net::HttpServer> server_;
};

/// Half of `body`, then a cut connection.
[[nodiscard]] net::Response cut_response(std::string body, std::string etag);

}  // namespace strandline::agent
