#include "net/mqtt_tls.h"

#include <fmt/core.h>
#include <openssl/ssl.h>

#include "base/file.h"

namespace strandline::net {
namespace {

constexpr std::size_t max_pem_bytes = std::size_t{4} << 20;

Result<std::string> read_pem(const std::string& path) {
    auto text = read_text_file(path, max_pem_bytes);
    if (text) return text;
    return fail(Errc::invalid, fmt::format("MQTT TLS file '{}': {}", path, text.error().message));
}

Result<ClientTls> read_files(const MqttOptions& options) {
    ClientTls tls;
    TRY(tls.ca_pem, read_pem(options.ca_file));
    if (options.certificate_file.empty()) return tls;
    TRY(tls.certificate_pem, read_pem(options.certificate_file));
    TRY(tls.private_key_pem, read_pem(options.key_file));
    return tls;
}

}  // namespace

Result<MqttTls> MqttTls::create(const MqttOptions& options) {
    TRY(const auto files, read_files(options));
    TRY(auto context, make_client_context(files));
    // libmosquitto asks the socket whether there is more to read, not the TLS layer.
    SSL_CTX_set_read_ahead(context.get(), 0);
    return MqttTls(std::move(context));
}

Status MqttTls::renew(const MqttOptions& options, std::optional<WallTime> verify_time) {
    TRY(const auto files, read_files(options));
    TRY(renew_client_context(*context_, files));
    return expect_peer(*SSL_CTX_get0_param(context_.get()), options.host, verify_time);
}

}  // namespace strandline::net
