#pragma once

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "net/http_client.h"
#include "net/http_server.h"
#include "net/runtime.h"

// For the tests and benchmarks of net only.
namespace strandline::net::testing {

/// A certificate with its key, and the CA's that signed it, in PEM.
struct TestIdentity {
    std::string certificate_pem;
    std::string key_pem;
    std::string sha256;  ///< of the DER
};

struct IdentityOptions {
    std::string common_name = "localhost";
    std::string alternative_names = "DNS:localhost,IP:127.0.0.1";
    std::chrono::seconds valid_from{-3600};  ///< from now
    std::chrono::seconds valid_until{86'400};
    bool ca = false;
};

/// Signs with `issuer`, or with its own key.
TestIdentity make_identity(const IdentityOptions& options, const TestIdentity* issuer = nullptr);

/// A server on a thread of its own.
class TestServer {
public:
    TestServer(Router router, ServerOptions options, Runtime::Options runtime = {});
    ~TestServer();
    TestServer(const TestServer&) = delete;
    TestServer& operator=(const TestServer&) = delete;

    [[nodiscard]] std::uint16_t port() const { return server_->port(); }
    [[nodiscard]] std::string url(std::string_view path) const;
    /// Runs a function on the server's I/O thread and waits for it.
    void on_io_thread(const std::function<void(HttpServer&)>& function);
    /// Starts stop() and returns its end.
    [[nodiscard]] std::future<void> begin_stop(std::chrono::milliseconds span);
    void destroy_server();
    /// Waits until the server has that many connections.
    [[nodiscard]] bool wait_for_connections(std::size_t count);

private:
    bool tls_;
    Runtime runtime_;
    std::unique_ptr<HttpServer> server_;
    std::thread thread_;
};

/// A client without manners, for requests that ours would never send. Every wait ends after 10 s.
class RawClient {
public:
    /// Not connected yet.
    RawClient();
    explicit RawClient(std::uint16_t port, int receive_buffer = 0);
    ~RawClient();
    RawClient(const RawClient&) = delete;
    RawClient& operator=(const RawClient&) = delete;

    void connect(std::uint16_t port);
    void send(std::string_view text);
    /// One response: its head, and a body of Content-Length.
    [[nodiscard]] std::string read_response(bool head_only = false);
    /// Everything until the server closes.
    [[nodiscard]] std::string read_to_end();
    /// Until `needle` came; all that came so far.
    [[nodiscard]] std::string read_until(std::string_view needle);
    void close();

private:
    bool receive();

    int fd_ = -1;
    std::string buffer_;
};

/// Runs one request on a client and runtime of its own.
Result<ClientResponse> fetch(ClientRequest request, ClientOptions options = {});

/// Status of a raw response, 0 when there is none.
int status_of(std::string_view response);

/// Bytes that differ from place to place.
std::string pattern(std::size_t size);

}  // namespace strandline::net::testing
