#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "delta/number/cdf.h"

namespace strandline::delta::number {

inline constexpr unsigned rans_states = 4;
/// A state is never below this between symbols; renormalised by 16 bits.
inline constexpr std::uint32_t rans_low = 1u << 16;

/// Collects symbols and raw bits in the order in which a reader wants them.
class SymbolWriter {
public:
    static constexpr bool writes = true;

    template <class Ops, unsigned State>
    unsigned symbol(Cdf& cdf, unsigned rate, unsigned value) {
        log_.push_back(std::uint32_t{cdf.start[value]} << 17 | (cdf.frequency(value) << 2) | State);
        Ops::update(cdf, value, rate);
        return value;
    }
    /// The lowest `count` bits (up to 63) of `value`.
    std::uint64_t bits(unsigned count, std::uint64_t value);

    /// Appends states, words and bits: a varint of the number of 16-bit words, the states, the
    /// words, the bits. Ready for the next block then.
    void finish(Bytes& out);
    /// About how many bytes finish() will append.
    [[nodiscard]] std::size_t raw_bytes() const { return bits_.size(); }

private:
    std::vector<std::uint32_t> log_;  // start 15, frequency 15, state 2 bits
    std::vector<std::uint16_t> words_;
    Bytes bits_;
    std::uint64_t pending_ = 0;
    unsigned pending_count_ = 0;
};

}  // namespace strandline::delta::number
