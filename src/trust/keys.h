#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace strandline::trust {

/// Ed25519 public key (RFC 8032). `id` is the first 16 hexadecimal characters of the SHA-256 of its
/// 32 bytes.
struct PublicKey {
    std::string id;
    Bytes bytes;  ///< 32 bytes

    [[nodiscard]] static Result<PublicKey> from_bytes(ByteSpan bytes);
    [[nodiscard]] bool verify(ByteSpan message, ByteSpan signature) const;
    friend bool operator==(const PublicKey&, const PublicKey&) = default;
};

/// Ed25519 private key. Never logged, never copied; the PEM is for a file of mode 0600.
class SigningKey {
public:
    [[nodiscard]] static Result<SigningKey> generate();
    [[nodiscard]] static Result<SigningKey> from_pem(std::string_view pem);
    SigningKey(SigningKey&&) noexcept;
    SigningKey& operator=(SigningKey&&) noexcept;
    ~SigningKey();

    [[nodiscard]] const PublicKey& public_key() const;
    [[nodiscard]] Result<Bytes> sign(ByteSpan message) const;
    [[nodiscard]] Result<std::string> to_pem() const;

private:
    struct Impl;
    explicit SigningKey(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace strandline::trust
