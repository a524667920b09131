#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/bytes.h"
#include "base/result.h"

// The only place that knows zstd; RFC 8878 is the format of its frames.
namespace strandline::delta {

/// Compresses whole blocks into frames without checksum, each independent of the one before.
class ZstdEncoder {
public:
    ZstdEncoder();
    ZstdEncoder(ZstdEncoder&&) noexcept;
    ZstdEncoder& operator=(ZstdEncoder&&) noexcept;
    ~ZstdEncoder();

    /// Frame of `in`, which may refer to `prefix`. Borrowed until the next call. Empty when it
    /// would be larger than `limit` bytes.
    [[nodiscard]] ByteSpan encode(ByteSpan in, ByteSpan prefix, int level, std::size_t limit);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Decompresses what ZstdEncoder makes. Allocates its context once.
class ZstdDecoder {
public:
    ZstdDecoder();
    ZstdDecoder(ZstdDecoder&&) noexcept;
    ZstdDecoder& operator=(ZstdDecoder&&) noexcept;
    ~ZstdDecoder();

    /// Fills `out` exactly from exactly one frame, or fails with `corrupt`.
    [[nodiscard]] Status decode(ByteSpan frame, ByteSpan prefix, std::span<std::byte> out);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Compresses a file of known size piece by piece into one frame.
class ZstdFrameWriter {
public:
    ZstdFrameWriter(int level, std::uint64_t size, unsigned window_log);
    ~ZstdFrameWriter();
    ZstdFrameWriter(const ZstdFrameWriter&) = delete;
    ZstdFrameWriter& operator=(const ZstdFrameWriter&) = delete;

    /// Takes the next piece and appends what comes out; `last` ends the frame.
    [[nodiscard]] Status write(ByteSpan piece, bool last, Bytes& out);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Decompresses one frame piece by piece, with a bounded window.
class ZstdFrameReader {
public:
    /// A frame that needs a larger window than `window_bytes` (a power of two) is `corrupt`, and so
    /// is anything else than a frame.
    explicit ZstdFrameReader(std::uint32_t window_bytes);
    ~ZstdFrameReader();
    ZstdFrameReader(const ZstdFrameReader&) = delete;
    ZstdFrameReader& operator=(const ZstdFrameReader&) = delete;

    struct Step {
        std::size_t taken = 0;
        std::size_t made = 0;
        bool ended = false;  ///< the frame is complete
    };
    [[nodiscard]] Result<Step> read(ByteSpan in, std::span<std::byte> out);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace strandline::delta
