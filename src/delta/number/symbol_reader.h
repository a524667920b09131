#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "delta/number/cdf.h"
#include "delta/number/number_format.h"
#include "delta/number/symbol_writer.h"

namespace strandline::delta::number {

/// Reads what SymbolWriter wrote, from bytes that came from outside. Reads without a check of each:
/// the caller asks more() before each `chunk_symbols` symbols and `chunk_bits` bits.
class SymbolReader {
public:
    static constexpr bool writes = false;
    static constexpr std::size_t chunk_symbols = 192;
    static constexpr std::size_t chunk_bits = 4096;

    /// `bytes` are exactly the streams; borrowed.
    [[nodiscard]] Status open(ByteSpan bytes);

    /// Room for the next chunk; false when the streams have been read past their ends.
    [[nodiscard]] bool more() {
        bits_.at += bit_ / 8;
        bit_ %= 8;
        return words_.prepare(2 * chunk_symbols) && bits_.prepare(chunk_bits / 8 + 8);
    }
    /// All has been read, and the states are what the writer started with.
    [[nodiscard]] bool complete() const;

    template <class Ops, unsigned State>
    [[gnu::always_inline]] inline unsigned symbol(Cdf& cdf, unsigned rate, unsigned /*value*/) {
        std::uint32_t state = states_[State];
        const std::uint32_t slot = state & (probability_one - 1);
        const unsigned found = Ops::find(cdf, slot);
        const std::uint32_t start = cdf.start[found];
        const std::uint32_t frequency = cdf.frequency(found);
        Ops::update(cdf, found, rate);
        state = frequency * (state >> probability_bits) + slot - start;
        const std::uint32_t refilled = state << 16 | load_word<std::uint16_t>(words_.at);
        const bool low = state < rans_low;
        states_[State] = low ? refilled : state;
        words_.at += low ? 2 : 0;
        return found;
    }

    [[gnu::always_inline]] inline std::uint64_t bits(unsigned count, std::uint64_t /*value*/) {
        constexpr unsigned most = 56;
        if (count <= most) return few_bits(count);
        const std::uint64_t low = few_bits(most);
        return low | few_bits(count - most) << most;
    }

private:
    [[gnu::always_inline]] inline std::uint64_t few_bits(unsigned count) {
        const std::uint64_t word = load_word<std::uint64_t>(bits_.at + bit_ / 8) >> (bit_ % 8);
        bit_ += count;
        return word & ((std::uint64_t{1} << count) - 1);
    }

    // Bytes that may be read past their end by less than `slack`: the end is moved into a buffer.
    struct Stream {
        static constexpr std::size_t slack = chunk_bits / 8 + 8;
        const std::byte* at = nullptr;
        const std::byte* end = nullptr;
        bool in_tail = false;
        std::array<std::byte, 2 * slack> tail{};

        [[nodiscard]] bool prepare(std::size_t wanted) {
            if (in_tail) return at <= end;
            const auto left = static_cast<std::size_t>(end - at);
            if (left >= wanted) return true;
            std::copy(at, end, tail.begin());
            at = tail.data();
            end = at + left;
            in_tail = true;
            return true;
        }
    };

    std::array<std::uint32_t, rans_states> states_{};
    Stream words_;
    Stream bits_;
    std::size_t bit_ = 0;
};

}  // namespace strandline::delta::number
