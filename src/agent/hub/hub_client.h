#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "net/http_client.h"
#include "net/runtime.h"
#include "trust/envelope.h"

namespace strandline::agent {

/// The hub's REST API for devices. Belongs to the I/O thread. Each call has its own deadline; none
/// retries. While the hub has asked to be left alone (429 or 503 with Retry-After), calls fail with
/// its own words and the rest of the time, without a byte on the line; at most for a day. Each
/// payload waits on its own, and everything else together.
class HubClient {
public:
    [[nodiscard]] static Result<std::unique_ptr<HubClient>> create(net::Runtime& runtime,
                                                                   std::string base_url,
                                                                   net::ClientOptions options);

    /// Empty while the hub has nothing newer than `known_generation` for us (304, or 404 before the
    /// first desired state).
    [[nodiscard]] net::Task<std::optional<trust::Envelope>> desired(std::int64_t known_generation);
    [[nodiscard]] net::Task<trust::Envelope> manifest(Sha256Digest digest);
    [[nodiscard]] net::Task<trust::Envelope> keyset();
    [[nodiscard]] net::Task<void> send_report(std::string json);
    /// The new certificate in PEM.
    [[nodiscard]] net::Task<std::string> renew(std::string csr_pem);
    /// A payload download. `request.url` is the path on the hub. `sink` is borrowed for the call.
    [[nodiscard]] net::Task<net::ClientResponse> download(net::ClientRequest request,
                                                          net::ResponseSink& sink);

    /// Uses another client certificate from now on; running calls end with the old one.
    [[nodiscard]] Status use_identity(std::string certificate_pem, std::string private_key_pem);

private:
    /// What may be told to wait on its own.
    struct Lane {
        Deadline quiet_until = Deadline::after(std::chrono::nanoseconds{0});
        Error words{};
        [[nodiscard]] Status open() const;
        /// The error of an answer that asks to wait.
        [[nodiscard]] Status listen(const net::ClientResponse& response, std::string_view target);
    };

    HubClient(net::Runtime& runtime, std::string base_url, net::ClientOptions options);
    [[nodiscard]] net::Task<net::ClientResponse> call(net::ClientRequest request);
    [[nodiscard]] net::Task<trust::Envelope> envelope(std::string target);

    net::Runtime* runtime_;
    std::string base_url_;
    net::ClientOptions options_;
    Lane control_;
    std::map<std::string, Lane> payloads_;   ///< by target; those that wait
    std::shared_ptr<net::HttpClient> http_;  // shared with calls that outlive a change of identity
};

}  // namespace strandline::agent
