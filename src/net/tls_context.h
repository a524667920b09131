#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "net/http_client.h"
#include "net/http_server.h"

struct ssl_ctx_st;
struct ssl_st;
struct X509_VERIFY_PARAM_st;

// Internal to net: the only place that sets up OpenSSL contexts.
namespace strandline::net {

/// Shared, because connections made with it outlive its replacement.
using SslContext = std::shared_ptr<ssl_ctx_st>;

/// TLS 1.2 or newer; asks for a client certificate when there is a CA for them.
[[nodiscard]] Result<SslContext> make_server_context(const ServerTls& tls);
[[nodiscard]] Result<SslContext> make_client_context(const ClientTls& tls);

[[nodiscard]] bool is_ip_literal(const std::string& host);
/// The other side must prove to be `host`, a name or an address. Validity is judged by the
/// machine's clock, or its end alone at `verify_time`, a lower bound of the time.
[[nodiscard]] Status expect_peer(X509_VERIFY_PARAM_st& param, const std::string& host,
                                 std::optional<WallTime> verify_time);
/// Only the time of `expect_peer`.
void judge_at(X509_VERIFY_PARAM_st& param, std::optional<WallTime> verify_time);

/// Takes this thread's oldest OpenSSL error as text, and empties the queue.
[[nodiscard]] std::string take_ssl_error();

}  // namespace strandline::net
