#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "base/bytes.h"
#include "base/result.h"
#include "delta/io.h"

// The only place that knows zlib; RFC 1951 is the format of its streams.
namespace strandline::delta {

/// How a compressor was told to work. With the same parameters, zlib makes the same bytes.
struct DeflateParameters {
    std::uint8_t level = 6;         ///< 1 to 9
    std::uint8_t memory_level = 8;  ///< 1 to 9
    friend bool operator==(const DeflateParameters&, const DeflateParameters&) = default;
};

/// Packs bytes into one raw stream, piece by piece, in about 400 KiB of memory.
class DeflateStream {
public:
    explicit DeflateStream(DeflateParameters parameters);
    DeflateStream(DeflateStream&&) noexcept;
    DeflateStream& operator=(DeflateStream&&) noexcept;
    ~DeflateStream();

    /// Takes the next bytes and writes what is packed so far to `out`; passes on its errors.
    [[nodiscard]] Status write(ByteSpan bytes, Sink& out);
    /// Writes the rest. Nothing may follow.
    [[nodiscard]] Status finish(Sink& out);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Unpacks one raw stream that fills `packed` exactly, in about 100 KiB of memory. `corrupt` when
/// it is damaged, is shorter or longer, or gives more than `limit` bytes.
[[nodiscard]] Status inflate_all(ByteSpan packed, std::uint64_t limit, Sink& out);

}  // namespace strandline::delta
