#include "hub/state/tls_material.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "base/file.h"
#include "base/log.h"

namespace strandline::hub {
namespace {

constexpr std::chrono::days validity{90};
constexpr std::size_t max_pem = std::size_t{256} << 10;

// Good for at least another third of the usual life, and already: the clock may have been ahead
// when it was made.
bool is_fresh(const std::filesystem::path& certificate, const Clock& clock) {
    const auto pem = read_text_file(certificate, max_pem);
    if (!pem) return false;
    const auto info = trust::read_certificate(*pem);
    const auto now = clock.wall();
    return info && info->not_before <= now && info->not_after > now + validity / 3;
}

Status write_pair(const std::filesystem::path& certificate, const std::filesystem::path& key,
                  const std::string& chain, const std::string& key_pem) {
    TRY(write_file_atomically(key, as_bytes(key_pem)));
    return write_file_atomically(certificate, as_bytes(chain));
}

}  // namespace

Result<bool> refresh_tls(const TlsFiles& files, const trust::CertificateAuthority& authority,
                         std::span<const std::string> names, const Clock& clock) {
    TRY(make_folders(files.ca.parent_path()));
    const auto& ca = authority.certificate_pem();
    if (read_text_file(files.ca, max_pem).value_or("") != ca) {
        TRY(write_file_atomically(files.ca, as_bytes(ca)));
    }
    bool changed = false;
    const auto wanted = fmt::format("{}\n", fmt::join(names, "\n"));
    if (read_text_file(files.names, max_pem).value_or("") != wanted ||
        !is_fresh(files.server_chain, clock)) {
        TRY(const auto made, authority.issue_server(names.front(), names, validity));
        TRY(write_pair(files.server_chain, files.server_key, made.issued.certificate_pem + ca,
                       made.private_key_pem));
        TRY(write_file_atomically(files.names, as_bytes(wanted)));
        log_info("new server certificate serial={} not_after={}", made.issued.serial,
                 to_rfc3339(made.issued.not_after));
        changed = true;
    }
    if (!is_fresh(files.client_certificate, clock)) {
        TRY(const auto made, authority.issue_client(hub_client_name, validity));
        TRY(write_pair(files.client_certificate, files.client_key, made.issued.certificate_pem,
                       made.private_key_pem));
        changed = true;
    }
    return changed;
}

}  // namespace strandline::hub
