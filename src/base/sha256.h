#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace strandline {

/// A SHA-256 value (FIPS 180-4). Ordered and hashable, so it can key a container.
struct Sha256Digest {
    std::array<std::byte, 32> bytes{};

    [[nodiscard]] std::string hex() const { return to_hex(bytes); }
    /// Exactly 64 lower-case hexadecimal characters, else `invalid`.
    [[nodiscard]] static Result<Sha256Digest> from_hex(std::string_view text);

    friend auto operator<=>(const Sha256Digest&, const Sha256Digest&) = default;
};

/// Incremental SHA-256. One thread at a time.
class Sha256 {
public:
    Sha256();
    Sha256(Sha256&&) noexcept;
    Sha256& operator=(Sha256&&) noexcept;
    ~Sha256();

    void update(ByteSpan bytes);
    /// Ends the computation and starts a new one.
    [[nodiscard]] Sha256Digest finish();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

[[nodiscard]] Sha256Digest sha256(ByteSpan bytes);
[[nodiscard]] inline Sha256Digest sha256(std::string_view text) { return sha256(as_bytes(text)); }

/// Hash of a whole open file from offset 0, read with pread; the file position is untouched.
[[nodiscard]] Result<Sha256Digest> sha256_of_file(int fd);

}  // namespace strandline

template <>
struct std::hash<strandline::Sha256Digest> {
    std::size_t operator()(const strandline::Sha256Digest& digest) const noexcept {
        std::size_t value = 0;
        for (std::size_t i = 0; i < sizeof value; ++i) {
            value = value << 8 | static_cast<std::size_t>(digest.bytes[i]);
        }
        return value;
    }
};
