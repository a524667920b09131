#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"
#include "trust/keyset.h"

namespace strandline::agent {

/// Where the hub is, as it said at enrolment: identity/hub.json.
struct HubAddress {
    std::string device;  ///< our id, the common name of our certificate
    std::string hub;     ///< base URL, without a trailing slash
    std::string mqtt_host;
    std::uint16_t mqtt_port = 0;  ///< 0: the hub has no broker
    std::string mqtt_root = "strandline/v1";
    friend bool operator==(const HubAddress&, const HubAddress&) = default;
};

[[nodiscard]] std::string to_json(const HubAddress& address);
[[nodiscard]] Result<HubAddress> hub_address_from_json(std::string_view text);

/// Who this agent is and whom it trusts: the files of the identity folder.
struct Identity {
    HubAddress address;
    std::string private_key_pem;
    std::string certificate_pem;
    std::string ca_pem;
    trust::KeySet keys;
};

/// `not_found` says how to enrol when the folder holds no identity.
[[nodiscard]] Result<Identity> load_identity(const std::filesystem::path& folder);

/// Writes everything; hub.json last, since its presence means "enrolled".
[[nodiscard]] Status save_identity(const std::filesystem::path& folder, const Identity& identity,
                                   std::string_view keyset_envelope);
[[nodiscard]] bool is_enrolled(const std::filesystem::path& folder);

[[nodiscard]] Result<std::string> load_private_key(const std::filesystem::path& folder);
[[nodiscard]] Status save_private_key(const std::filesystem::path& folder, std::string_view pem);
[[nodiscard]] Status save_certificate(const std::filesystem::path& folder, std::string_view pem);
[[nodiscard]] Status save_keyset(const std::filesystem::path& folder, std::string_view envelope);

}  // namespace strandline::agent
