#include "net/mqtt_tls.h"

#include <fmt/core.h>

#include "base/file.h"

namespace strandline::net {
namespace {

constexpr std::size_t max_pem_bytes = std::size_t{4} << 20;

Result<std::string> read_pem(const std::string& path) {
    auto text = read_text_file(path, max_pem_bytes);
    if (text) return text;
    return fail(Errc::invalid, fmt::format("MQTT TLS file '{}': {}", path, text.error().message));
}

}  // namespace

Result<SslContext> load_mqtt_tls(const MqttOptions& options) {
    ClientTls tls;
    TRY(tls.ca_pem, read_pem(options.ca_file));
    if (!options.certificate_file.empty()) {
        TRY(tls.certificate_pem, read_pem(options.certificate_file));
        TRY(tls.private_key_pem, read_pem(options.key_file));
    }
    return make_client_context(tls);
}

}  // namespace strandline::net
