#include "base/sha256.h"

#include <algorithm>
#include <cerrno>
#include <openssl/evp.h>
#include <unistd.h>
#include <vector>

#include "base/free_with.h"

namespace strandline {

namespace {

/// Looked up once: by name it takes OpenSSL longer than the hash of a short text.
const EVP_MD* algorithm() {
    static const EVP_MD* const found = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    STRANDLINE_ASSERT(found != nullptr);
    return found;
}

}  // namespace

struct Sha256::Impl {
    std::unique_ptr<EVP_MD_CTX, FreeWith<EVP_MD_CTX_free>> context{EVP_MD_CTX_new()};

    void start() const {
        STRANDLINE_ASSERT(context != nullptr);
        STRANDLINE_ASSERT(EVP_DigestInit_ex(context.get(), algorithm(), nullptr) == 1);
    }
};

Sha256::Sha256() : impl_(std::make_unique<Impl>()) { impl_->start(); }
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::update(ByteSpan bytes) {
    STRANDLINE_ASSERT(EVP_DigestUpdate(impl_->context.get(), bytes.data(), bytes.size()) == 1);
}

Sha256Digest Sha256::finish() {
    Sha256Digest digest;
    unsigned length = 0;
    STRANDLINE_ASSERT(EVP_DigestFinal_ex(impl_->context.get(),
                                         reinterpret_cast<unsigned char*>(digest.bytes.data()),
                                         &length) == 1);
    STRANDLINE_ASSERT(length == digest.bytes.size());
    impl_->start();
    return digest;
}

Result<Sha256Digest> Sha256Digest::from_hex(std::string_view text) {
    const bool lower =
        std::none_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'F'; });
    if (text.size() != 64 || !lower) {
        return fail(Errc::invalid, "a sha256 is 64 lower-case hexadecimal characters");
    }
    TRY(const auto bytes, strandline::from_hex(text));
    Sha256Digest digest;
    std::copy(bytes.begin(), bytes.end(), digest.bytes.begin());
    return digest;
}

Sha256Digest sha256(ByteSpan bytes) {
    // Making a context takes OpenSSL longer than the hash of a short text.
    thread_local Sha256 hash;
    hash.update(bytes);
    return hash.finish();
}

Result<Sha256Digest> sha256_of_file(int fd) {
    constexpr std::size_t chunk_bytes = 256 * 1024;
    std::vector<std::byte> buffer(chunk_bytes);
    Sha256 hash;
    off_t offset = 0;
    for (;;) {
        const ssize_t count = ::pread(fd, buffer.data(), buffer.size(), offset);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return error_from_errno("read file for its hash", errno);
        if (count == 0) return hash.finish();
        hash.update(ByteSpan(buffer).first(static_cast<std::size_t>(count)));
        offset += count;
    }
}

}  // namespace strandline
