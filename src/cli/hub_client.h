#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/document.h"
#include "cli/profile.h"
#include "net/http_client.h"

namespace strandline::cli {

/// The hub's REST API for one command. Blocking; belongs to one thread.
class HubClient {
public:
    [[nodiscard]] static Result<std::unique_ptr<HubClient>> create(const Profile& profile);
    /// For the first contact: trusts the CA with this fingerprint.
    [[nodiscard]] static Result<std::unique_ptr<HubClient>> create_pinned(
        const Profile& profile, std::string_view ca_sha256);
    ~HubClient();

    /// Status 400 and above become errors with the hub's own message.
    [[nodiscard]] Result<Document> get(std::string_view path);
    [[nodiscard]] Result<Document> post(std::string_view path, const std::string& body = "{}");
    [[nodiscard]] Result<Document> put(std::string_view path, const std::string& body = "{}");
    [[nodiscard]] Result<Document> patch(std::string_view path, const std::string& body);
    [[nodiscard]] Status remove(std::string_view path);
    [[nodiscard]] Result<std::string> get_text(std::string_view path);
    /// All items of a paged list, at most `limit`.
    [[nodiscard]] Result<std::vector<Document>> get_all(std::string_view path,
                                                        std::size_t limit = 100'000);

    /// A request of any kind; the status is the caller's to judge.
    [[nodiscard]] Result<net::ClientResponse> send(net::ClientRequest request);
    /// The same with the answer's body going to `sink` as it arrives.
    [[nodiscard]] Result<net::ClientResponse> send(net::ClientRequest request,
                                                   net::ResponseSink& sink);

    [[nodiscard]] const std::string& url() const;

private:
    struct Impl;
    explicit HubClient(std::unique_ptr<Impl> impl);
    [[nodiscard]] static Result<std::unique_ptr<HubClient>> make(const Profile& profile,
                                                                 net::ClientTls tls);
    [[nodiscard]] Result<Document> exchange(net::Method method, std::string_view path,
                                            const std::string& body);
    std::unique_ptr<Impl> impl_;
};

}  // namespace strandline::cli
