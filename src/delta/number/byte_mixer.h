#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

// Bytes of quantised weights that no old ones explain, coded bit by bit; format.md section 4.8.
namespace strandline::delta::number {

/// What is known of the bytes beside their values.
struct ByteGrid {
    std::size_t columns = 1;  ///< numbers of a row; 1 .. max_byte_columns
    std::uint8_t centre = 0;  ///< the byte that stands for about 0
    ByteSpan old;             ///< as many bytes, or none; borrowed
};
inline constexpr std::size_t max_byte_columns = std::size_t{16} << 10;

/// Mixes what several contexts expect of each bit. About 170 KiB; one for all blocks, as each block
/// starts anew.
class ByteMixer {
public:
    ByteMixer();

    /// Appends the stream of `bytes`.
    void encode(ByteSpan bytes, const ByteGrid& grid, Bytes& out);
    /// Fills `bytes` from exactly such a stream, or fails with `corrupt`.
    [[nodiscard]] Status decode(ByteSpan stream, const ByteGrid& grid, std::span<std::byte> bytes);

private:
    static constexpr std::size_t inputs = 7;
    static constexpr std::size_t levels = 16;  // of each context
    static constexpr std::size_t nodes = 256;  // of the tree of a byte's bits, the first one unused

    // How likely a bit is 1 (in 1/65536), and how often it was seen.
    struct Slot {
        std::uint16_t one = 1u << 15;
        std::uint16_t seen = 0;
    };

    void reset(const ByteGrid& grid);
    void set_contexts(std::size_t at);
    void learn(unsigned value);
    [[nodiscard]] std::uint32_t expect(unsigned node);
    void update(unsigned node, unsigned bit, std::uint32_t expected);
    template <class Code>
    void code_byte(std::size_t at, unsigned value, Code& code);

    std::vector<std::int16_t> stretched_;  // by probability / 16
    std::vector<Slot> slots_;
    std::vector<std::int32_t> weights_;
    std::vector<std::uint8_t> row_;      // the values one row back
    std::vector<std::uint16_t> column_;  // mean distance from the centre, in 1/64
    ByteGrid grid_;
    std::size_t place_ = 0;  // column
    std::size_t bits_ = 0;   // coded so far
    unsigned left_ = 128;
    unsigned before_left_ = 128;
    std::uint32_t near_ = 0;  // mean distances from the centre
    std::uint32_t far_ = 0;
    std::array<std::size_t, inputs> base_{};
    std::array<std::int32_t, inputs> input_{};
};

}  // namespace strandline::delta::number
