#include "agent/hub/identity.h"

#include <system_error>

#include "base/file.h"
#include "trust/envelope.h"

namespace strandline::agent {
namespace {

constexpr std::size_t max_identity_bytes = 1U << 20;

}  // namespace

bool is_enrolled(const std::filesystem::path& folder) {
    std::error_code error;
    return std::filesystem::exists(folder / "hub.json", error);
}

Result<Identity> load_identity(const std::filesystem::path& folder) {
    if (!is_enrolled(folder)) {
        return fail(Errc::not_found,
                    folder.string() +
                        " holds no identity; run strandline-agent enroll --hub URL --token T");
    }
    Identity identity;
    TRY(const auto address, read_text_file(folder / "hub.json", max_identity_bytes));
    TRY(identity.address, hub_address_from_json(address));
    TRY(identity.private_key_pem, load_private_key(folder));
    TRY(identity.certificate_pem, read_text_file(folder / "cert.pem", max_identity_bytes));
    TRY(identity.ca_pem, read_text_file(folder / "ca.pem", max_identity_bytes));
    TRY(const auto keyset, read_text_file(folder / "keyset.json", max_identity_bytes));
    TRY(const auto envelope, trust::envelope_from_json(keyset));
    TRY(identity.keys, trust::first_keyset(envelope));
    return identity;
}

Status save_identity(const std::filesystem::path& folder, const Identity& identity,
                     std::string_view keyset_envelope) {
    TRY(make_folders(folder));
    TRY(save_private_key(folder, identity.private_key_pem));
    TRY(save_certificate(folder, identity.certificate_pem));
    TRY(write_file_atomically(folder / "ca.pem", as_bytes(identity.ca_pem)));
    TRY(save_keyset(folder, keyset_envelope));
    return write_file_atomically(folder / "hub.json", as_bytes(to_json(identity.address)));
}

Result<std::string> load_private_key(const std::filesystem::path& folder) {
    return read_text_file(folder / "key.pem", max_identity_bytes);
}

Status save_private_key(const std::filesystem::path& folder, std::string_view pem) {
    return write_file_atomically(folder / "key.pem", as_bytes(pem));
}

Status save_certificate(const std::filesystem::path& folder, std::string_view pem) {
    return write_file_atomically(folder / "cert.pem", as_bytes(pem));
}

Status save_keyset(const std::filesystem::path& folder, std::string_view envelope) {
    return write_file_atomically(folder / "keyset.json", as_bytes(envelope));
}

}  // namespace strandline::agent
