#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "delta/coder/numbers_coder.h"
#include "delta/coder/zstd_codec.h"
#include "delta/info.h"

namespace strandline::delta {

/// Coders of `coded` records; format.md section 4. Numbers are part of the format.
enum class CoderId : std::uint8_t {
    lz = 1,       ///< zstd with the old windows as prefix
    planes = 2,   ///< words transformed by the old ones, sorted into byte planes
    sparse = 3,   ///< the few words that changed, and where
    numbers = 4,  ///< numbers by what the old ones let expect
    lzma = 5,     ///< LZMA with the old windows as prefix
    mixed = 6,    ///< bytes by what several contexts expect
};

/// One way to make a block. A new one is one more class here and in find(), one more
/// number in format.md, and one more candidate in BlockEncoder.
class BlockDecoder {
public:
    virtual ~BlockDecoder() = default;
    /// Fills `out` exactly from the payload and the old windows, one after the other in
    /// `reference`. `scratch` is as long as `out`. Anything that does not fit is `corrupt`.
    [[nodiscard]] virtual Status decode(ByteSpan payload, ByteSpan reference,
                                        std::span<std::byte> out, std::span<std::byte> scratch) = 0;
};

/// The coders this program knows, with one zstd context between them.
class BlockDecoders {
public:
    /// Knows what the header's `features` declare, and has memory for no more.
    explicit BlockDecoders(std::uint8_t features = known_features);
    ~BlockDecoders();
    BlockDecoders(const BlockDecoders&) = delete;
    BlockDecoders& operator=(const BlockDecoders&) = delete;

    /// Unknown is `invalid`: the delta was made by a newer program. Undeclared is `corrupt`.
    [[nodiscard]] Result<BlockDecoder*> find(std::uint8_t id);

    /// Forgets what coders have learned: segments do not depend on each other.
    void begin_segment();

private:
    ZstdDecoder zstd_;
    std::unique_ptr<BlockDecoder> lz_;
    std::unique_ptr<BlockDecoder> planes_;
    std::unique_ptr<BlockDecoder> sparse_;
    std::unique_ptr<BlockDecoder> lzma_;
    std::unique_ptr<NumberModels> models_;  // null when no numbers are declared
    std::unique_ptr<BlockDecoder> numbers_;
    std::unique_ptr<BlockDecoder> mixed_;
};

}  // namespace strandline::delta
