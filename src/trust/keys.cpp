#include "trust/keys.h"

#include <fmt/core.h>

#include "base/sha256.h"
#include "trust/openssl.h"

namespace strandline::trust {
namespace {

constexpr std::size_t key_bytes = 32;
constexpr std::size_t signature_bytes = 64;
constexpr std::size_t id_characters = 16;

PublicKey named(Bytes bytes) {
    std::string id = sha256(ByteSpan(bytes)).hex().substr(0, id_characters);
    return PublicKey{std::move(id), std::move(bytes)};
}

Result<PublicKey> public_part(const EVP_PKEY* key) {
    Bytes bytes(key_bytes);
    std::size_t size = bytes.size();
    if (EVP_PKEY_get_raw_public_key(key, raw(std::span<std::byte>(bytes)), &size) != 1 ||
        size != key_bytes) {
        return openssl_error(Errc::internal, "read public key");
    }
    return named(std::move(bytes));
}

}  // namespace

Result<PublicKey> PublicKey::from_bytes(ByteSpan bytes) {
    if (bytes.size() != key_bytes) {
        return fail(Errc::invalid, fmt::format("public key: {} bytes, an Ed25519 key has {}",
                                               bytes.size(), key_bytes));
    }
    return named(Bytes(bytes.begin(), bytes.end()));
}

bool PublicKey::verify(ByteSpan message, ByteSpan signature) const {
    if (signature.size() != signature_bytes) return false;
    const KeyPtr key(
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, raw(bytes), bytes.size()));
    const DigestContextPtr context(EVP_MD_CTX_new());
    if (!key || !context) return false;
    if (EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1)
        return false;
    return EVP_DigestVerify(context.get(), raw(signature), signature.size(), raw(message),
                            message.size()) == 1;
}

struct SigningKey::Impl {
    KeyPtr key;
    PublicKey public_key;
};

SigningKey::SigningKey(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SigningKey::SigningKey(SigningKey&&) noexcept = default;
SigningKey& SigningKey::operator=(SigningKey&&) noexcept = default;
SigningKey::~SigningKey() = default;

Result<SigningKey> SigningKey::generate() {
    KeyPtr key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    if (!key) return openssl_error(Errc::internal, "make Ed25519 key");
    TRY(auto public_key, public_part(key.get()));
    return SigningKey(std::make_unique<Impl>(Impl{std::move(key), std::move(public_key)}));
}

Result<SigningKey> SigningKey::from_pem(std::string_view pem) {
    TRY(auto key, private_key_from_pem(pem));
    if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_ED25519) {
        return fail(Errc::invalid, "private key: an Ed25519 key is needed to sign documents");
    }
    TRY(auto public_key, public_part(key.get()));
    return SigningKey(std::make_unique<Impl>(Impl{std::move(key), std::move(public_key)}));
}

const PublicKey& SigningKey::public_key() const { return impl_->public_key; }

Result<Bytes> SigningKey::sign(ByteSpan message) const {
    const DigestContextPtr context(EVP_MD_CTX_new());
    Bytes signature(signature_bytes);
    std::size_t size = signature.size();
    if (!context ||
        EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, impl_->key.get()) != 1 ||
        EVP_DigestSign(context.get(), raw(std::span<std::byte>(signature)), &size, raw(message),
                       message.size()) != 1 ||
        size != signature_bytes) {
        return openssl_error(Errc::internal, "sign");
    }
    return signature;
}

Result<std::string> SigningKey::to_pem() const { return private_key_to_pem(impl_->key.get()); }

}  // namespace strandline::trust
