#include "net/http_test_kit.h"

#include <arpa/inet.h>
#include <charconv>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/free_with.h"
#include "base/sha256.h"

namespace strandline::net::testing {
namespace {

using Bio = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;
using Key = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, FreeWith<X509_free>>;

std::string text_of(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return {data, static_cast<std::size_t>(size)};
}

Bio from_text(const std::string& text) {
    return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context{};
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

}  // namespace

TestIdentity make_identity(const IdentityOptions& options, const TestIdentity* issuer) {
    static long serial = 0x0a00;
    const Key key(EVP_EC_gen("P-256"));
    const Certificate certificate(X509_new());
    X509_set_version(certificate.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), options.valid_from.count());
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), options.valid_until.count());
    X509_set_pubkey(certificate.get(), key.get());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(options.common_name.c_str()),
                               -1, -1, 0);
    Key issuer_key;
    Certificate issuer_certificate;
    if (issuer != nullptr) {
        issuer_key.reset(
            PEM_read_bio_PrivateKey(from_text(issuer->key_pem).get(), nullptr, nullptr, nullptr));
        issuer_certificate.reset(
            PEM_read_bio_X509(from_text(issuer->certificate_pem).get(), nullptr, nullptr, nullptr));
    }
    X509* const parent = issuer_certificate ? issuer_certificate.get() : certificate.get();
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(parent));
    add_extension(certificate.get(), parent, NID_basic_constraints,
                  options.ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (!options.ca && !options.alternative_names.empty()) {
        add_extension(certificate.get(), parent, NID_subject_alt_name, options.alternative_names);
    }
    X509_sign(certificate.get(), issuer_key ? issuer_key.get() : key.get(), EVP_sha256());
    const Bio certificate_text(BIO_new(BIO_s_mem()));
    const Bio key_text(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(certificate_text.get(), certificate.get());
    PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    unsigned char* der = nullptr;
    const int size = i2d_X509(certificate.get(), &der);
    const auto digest = sha256(std::as_bytes(std::span(der, static_cast<std::size_t>(size))));
    OPENSSL_free(der);
    return {text_of(certificate_text.get()), text_of(key_text.get()), digest.hex()};
}

TestServer::TestServer(Router router, ServerOptions options, Runtime::Options runtime)
    : tls_(options.tls.has_value()), runtime_(runtime) {
    auto server = HttpServer::create(runtime_, std::move(router), std::move(options));
    if (!server) throw std::runtime_error(server.error().message);
    server_ = *std::move(server);
    thread_ = std::thread([this] { runtime_.run(); });
}

TestServer::~TestServer() {
    runtime_.stop();
    thread_.join();
}

std::string TestServer::url(std::string_view path) const {
    return std::string(tls_ ? "https" : "http") + "://127.0.0.1:" + std::to_string(port()) +
           std::string(path);
}

void TestServer::on_io_thread(const std::function<void(HttpServer&)>& function) {
    std::promise<void> done;
    runtime_.post([&] {
        function(*server_);
        done.set_value();
    });
    done.get_future().get();
}

std::future<void> TestServer::begin_stop(std::chrono::milliseconds span) {
    auto done = std::make_shared<std::promise<void>>();
    auto future = done->get_future();
    const auto stop = [](HttpServer* server, std::chrono::milliseconds limit,
                         std::shared_ptr<std::promise<void>> end) -> asio::awaitable<void> {
        co_await server->stop(Deadline::after(limit));
        end->set_value();
    };
    runtime_.spawn(stop(server_.get(), span, std::move(done)));
    return future;
}

void TestServer::destroy_server() {
    std::promise<void> done;
    runtime_.post([&] {
        server_.reset();
        done.set_value();
    });
    done.get_future().get();
}

bool TestServer::wait_for_connections(std::size_t count) {
    const auto deadline = Deadline::after(std::chrono::seconds{10});
    for (std::size_t now = count + 1; !deadline.passed();) {
        on_io_thread([&](HttpServer& server) { now = server.connections(); });
        if (now == count) return true;
    }
    return false;
}

RawClient::RawClient() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval limit{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

RawClient::RawClient(std::uint16_t port, int receive_buffer) : RawClient() {
    if (receive_buffer > 0) {
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    connect(port);
}

void RawClient::connect(std::uint16_t port) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) {
        throw std::runtime_error("connect failed");
    }
}

RawClient::~RawClient() { close(); }

void RawClient::close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
}

void RawClient::send(std::string_view text) {
    while (!text.empty()) {
        const auto sent = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
        if (sent <= 0) return;
        text.remove_prefix(static_cast<std::size_t>(sent));
    }
}

bool RawClient::receive() {
    char bytes[16 * 1024];
    const auto size = ::recv(fd_, bytes, sizeof bytes, 0);
    if (size <= 0) return false;
    buffer_.append(bytes, static_cast<std::size_t>(size));
    return true;
}

std::string RawClient::read_until(std::string_view needle) {
    while (buffer_.find(needle) == std::string::npos && receive()) {
    }
    const auto at = buffer_.find(needle);
    const auto size = at == std::string::npos ? buffer_.size() : at + needle.size();
    auto text = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return text;
}

std::string RawClient::read_response(bool head_only) {
    auto head = read_until("\r\n\r\n");
    constexpr std::string_view field = "Content-Length: ";
    const auto at = head.find(field);
    std::size_t length = 0;
    if (at != std::string::npos && !head_only) {
        std::from_chars(head.data() + at + field.size(), head.data() + head.size(), length);
    }
    while (buffer_.size() < length && receive()) {
    }
    head += buffer_.substr(0, length);
    buffer_.erase(0, std::min(length, buffer_.size()));
    return head;
}

std::string RawClient::read_to_end() {
    while (receive()) {
    }
    return std::exchange(buffer_, {});
}

Result<ClientResponse> fetch(ClientRequest request, ClientOptions options) {
    Runtime runtime({});
    TRY(const auto client, HttpClient::create(runtime, std::move(options)));
    return runtime.block_on(client->send(std::move(request)));
}

int status_of(std::string_view response) {
    int status = 0;
    if (response.starts_with("HTTP/1.1 ")) {
        std::from_chars(response.data() + 9, response.data() + response.size(), status);
    }
    return status;
}

std::string pattern(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
        text[i] = static_cast<char>('a' + (i * 7 + i / 251) % 26);
    return text;
}

}  // namespace strandline::net::testing
