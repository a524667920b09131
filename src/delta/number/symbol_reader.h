#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "delta/number/lanes.h"
#include "delta/number/number_format.h"
#include "delta/number/number_model.h"

namespace strandline::delta::number {

/// Reads what SymbolWriter wrote, from bytes that came from outside. Reads without a check of each:
/// the caller asks more() before each `chunk_groups` groups of numbers.
class SymbolReader {
public:
    static constexpr bool writes = false;
    static constexpr std::size_t chunk_groups = 8;
    /// A number takes at most three symbols, and 7 + 63 or 11 + 52 bits.
    static constexpr std::size_t chunk_symbols = 3 * lanes * chunk_groups;
    static constexpr std::size_t chunk_bits = 72 * lanes * chunk_groups;

    /// `bytes` are exactly the streams of `count` numbers; borrowed.
    [[nodiscard]] Status open(ByteSpan bytes, std::size_t count);

    /// Room for the next chunk; false when the streams have been read past their ends.
    [[gnu::always_inline]] [[nodiscard]] inline bool more() {
        bits_.at += bit_ / 8;
        bit_ %= 8;
        return words_.prepare(2 * chunk_symbols) && bits_.prepare(chunk_bits / 8 + 8);
    }
    /// Whether each lane has a state of its own.
    [[nodiscard]] bool has_states_for_lanes() const { return last_state_ == lanes - 1; }
    /// All has been read, and the states are what the writer started with.
    [[nodiscard]] bool complete() const;

    /// One symbol for each of the first `count` lanes; for all of them if `Full`.
    template <class Ops, bool Full, std::size_t Count>
    [[gnu::always_inline]] inline void symbols(CdfTable<Count>& table,
                                               const Lanes<std::uint32_t>& context,
                                               Lanes<std::uint32_t>& symbol, unsigned count) {
        if constexpr (Full) count = lanes;
        if constexpr (Ops::has_rounds)
            return Ops::Rounds::symbols_of(first_lanes(count), *this, table, context, symbol);
        const std::byte* words = words_.at;
        const unsigned last = last_state_;
        for (unsigned lane = 0; lane < count; ++lane)
            symbol[lane] = one<Ops>(table.cdf[context[lane]], states_[lane & last], words);
        words_.at = words;
        for (unsigned lane = 0; lane < count; ++lane)
            Ops::update(table.cdf[context[lane]], symbol[lane], table.next_rate(context[lane]));
    }
    /// One symbol for each lane of a set.
    template <class Ops, std::size_t Count>
    [[gnu::always_inline]] inline void symbols_of(unsigned set, CdfTable<Count>& table,
                                                  const Lanes<std::uint32_t>& context,
                                                  Lanes<std::uint32_t>& symbol) {
        if constexpr (Ops::has_rounds)
            return Ops::Rounds::symbols_of(set, *this, table, context, symbol);
        if (set == first_lanes(lanes)) return symbols<Ops, true>(table, context, symbol, lanes);
        const std::byte* words = words_.at;
        const unsigned last = last_state_;
        for (unsigned left = set; left != 0; left &= left - 1) {
            const auto lane = static_cast<unsigned>(std::countr_zero(left));
            symbol[lane] = one<Ops>(table.cdf[context[lane]], states_[lane & last], words);
        }
        words_.at = words;
        for (; set != 0; set &= set - 1) {
            const auto lane = static_cast<unsigned>(std::countr_zero(set));
            Ops::update(table.cdf[context[lane]], symbol[lane], table.next_rate(context[lane]));
        }
    }
    /// So many raw bits, up to 63, for each lane.
    template <class Wide>
    [[gnu::always_inline]] inline void bits(const Lanes<std::uint32_t>& count, Lanes<Wide>& value) {
        const std::byte* at = bits_.at;
        std::size_t bit = bit_;
        if constexpr (sizeof(Wide) == 8) {
            for (unsigned lane = 0; lane < lanes; ++lane) value[lane] = few(at, bit, count[lane]);
        } else {
            // Two lanes have at most 56 bits, which one load always gets.
            for (unsigned lane = 0; lane < lanes; lane += 2) {
                const std::uint64_t word = load_word<std::uint64_t>(at + bit / 8) >> bit % 8;
                const unsigned first = count[lane];
                const unsigned second = count[lane + 1];
                value[lane] = static_cast<Wide>(word & ~(~std::uint64_t{0} << first));
                value[lane + 1] = static_cast<Wide>(word >> first & ~(~std::uint64_t{0} << second));
                bit += first + second;
            }
        }
        bit_ = bit;
    }
    /// Up to 63 raw bits.
    [[gnu::always_inline]] inline std::uint64_t bits(unsigned count, std::uint64_t /*value*/) {
        return few(bits_.at, bit_, count);
    }

private:
    friend struct Avx2Rounds;

    // Without a branch, which nobody could predict.
    template <class Ops>
    [[gnu::always_inline]] static inline unsigned one(const Cdf& cdf, std::uint32_t& place,
                                                      const std::byte*& words) {
        std::uint32_t state = place;
        const std::uint32_t slot = state & (probability_one - 1);
        const unsigned found = Ops::find(cdf, slot);
        state = cdf.frequency(found) * (state >> probability_bits) + slot - cdf.start[found];
        const std::uint32_t low = state < rans_low ? 1 : 0;
        const std::uint32_t word = load_word<std::uint16_t>(words);
        place = state << (16 * low) | (word & (0 - low));
        words += 2 * low;
        return found;
    }
    [[gnu::always_inline]] static inline std::uint64_t few(const std::byte* at, std::size_t& bit,
                                                           unsigned count) {
        constexpr unsigned most = 56;
        if (count <= most) return up_to_56(at, bit, count);
        const std::uint64_t low = up_to_56(at, bit, most);
        return low | up_to_56(at, bit, count - most) << most;
    }

    [[gnu::always_inline]] static inline std::uint64_t up_to_56(const std::byte* at,
                                                                std::size_t& bit, unsigned count) {
        const std::uint64_t word = load_word<std::uint64_t>(at + bit / 8) >> bit % 8;
        bit += count;
        return word & ~(~std::uint64_t{0} << count);
    }

    // Bytes that may be read past their end by less than `slack`: the end is moved into a buffer.
    struct Stream {
        static constexpr std::size_t slack = chunk_bits / 8 + 8;
        const std::byte* at = nullptr;
        const std::byte* end = nullptr;
        bool in_tail = false;
        std::array<std::byte, 2 * slack> tail{};

        [[gnu::always_inline]] [[nodiscard]] inline bool prepare(std::size_t wanted) {
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

    Lanes<std::uint32_t> states_{};
    unsigned last_state_ = 0;
    Stream words_;
    Stream bits_;
    std::size_t bit_ = 0;
};

}  // namespace strandline::delta::number
