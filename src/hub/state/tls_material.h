#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "trust/authority.h"

namespace strandline::hub {

/// The hub's own certificates as files, which mosquitto and libmosquitto read by name.
struct TlsFiles {
    explicit TlsFiles(const std::filesystem::path& folder)
        : ca(folder / "ca.crt"),
          server_chain(folder / "server.crt"),
          server_key(folder / "server.key"),
          client_certificate(folder / "hub.crt"),
          client_key(folder / "hub.key"),
          crl(folder / "crl.pem"),
          names(folder / "server.names") {}

    std::filesystem::path ca;
    std::filesystem::path server_chain;  ///< the CA's certificate stands last
    std::filesystem::path server_key;
    std::filesystem::path client_certificate;  ///< CN "hub": the hub's own MQTT client
    std::filesystem::path client_key;
    std::filesystem::path crl;
    std::filesystem::path names;  ///< for which the server certificate was made
};

/// CN of the hub's MQTT client; no device may have it.
inline constexpr std::string_view hub_client_name = "hub";

/// Makes the files that are missing, close to their end (last third of their life), or made for
/// other names. True when something was replaced.
[[nodiscard]] Result<bool> refresh_tls(const TlsFiles& files,
                                       const trust::CertificateAuthority& authority,
                                       std::span<const std::string> names, const Clock& clock);

}  // namespace strandline::hub
