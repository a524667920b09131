#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "delta/number/lanes.h"
#include "delta/number/number_format.h"
#include "delta/number/number_model.h"

namespace strandline::delta::number {

/// Collects symbols and raw bits in the order in which a SymbolReader wants them.
// Its functions are compiled for several kinds of processors, so none of them but those of
// symbol_writer.cpp may become code of its own.
class SymbolWriter {
public:
    static constexpr bool writes = true;

    /// Starts anew, for `count` numbers.
    void begin(std::size_t count);

    /// Makes room for as many groups of numbers as a SymbolReader reads at a time.
    [[gnu::always_inline]] inline bool more() {
        if (logged_ + chunk_entries > log_.size() || bits_at_ + chunk_bit_bytes > bits_.size())
            [[unlikely]]
            grow();
        return true;
    }

    template <class Ops, bool Full, std::size_t Count>
    [[gnu::always_inline]] inline void symbols(CdfTable<Count>& table,
                                               const Lanes<std::uint32_t>& context,
                                               Lanes<std::uint32_t>& symbol, unsigned count) {
        if constexpr (Full) count = lanes;
        symbols_of<Ops>(first_lanes(count), table, context, symbol);
    }
    template <class Ops, std::size_t Count>
    [[gnu::always_inline]] inline void symbols_of(unsigned set, CdfTable<Count>& table,
                                                  const Lanes<std::uint32_t>& context,
                                                  Lanes<std::uint32_t>& symbol) {
        if constexpr (Ops::has_rounds)
            return Ops::Rounds::symbols_of(set, *this, table, context, symbol);
        std::uint32_t* const entry = log_.data() + logged_;
        for (unsigned lane = 0; lane < lanes; ++lane) entry[lane] = 0;
        for (unsigned left = set; left != 0; left &= left - 1) {
            const auto lane = static_cast<unsigned>(std::countr_zero(left));
            const Cdf& cdf = table.cdf[context[lane]];
            entry[lane] =
                std::uint32_t{cdf.start[symbol[lane]]} << 16 | cdf.frequency(symbol[lane]);
        }
        logged_ += lanes;
        for (; set != 0; set &= set - 1) {
            const auto lane = static_cast<unsigned>(std::countr_zero(set));
            Ops::update(table.cdf[context[lane]], symbol[lane], table.next_rate(context[lane]));
        }
    }
    /// The lowest bits of each value.
    template <class Wide>
    [[gnu::always_inline]] inline void bits(const Lanes<std::uint32_t>& count, Lanes<Wide>& value) {
        for (unsigned lane = 0; lane < lanes; ++lane) put(count[lane], value[lane]);
    }
    /// The lowest `count` bits (up to 63) of `value`, which is returned.
    [[gnu::always_inline]] inline std::uint64_t bits(unsigned count, std::uint64_t value) {
        put(count, value);
        return value;
    }

    /// Appends streams: a varint of the number of 16-bit words, the states, the words, the bits.
    void finish(Bytes& out);

private:
    friend struct Avx2Rounds;

    static constexpr std::size_t chunk_groups = 8;
    // Rounds of a group: sizes, what follows an escape in each lane, details.
    static constexpr std::size_t chunk_entries = chunk_groups * lanes * (lanes + 2);
    static constexpr std::size_t chunk_bit_bytes = chunk_groups * lanes * 9 + 8;

    void grow();
    [[gnu::always_inline]] inline void put(unsigned count, std::uint64_t value) {
        constexpr unsigned most = 56;
        const unsigned now = count < most ? count : most;
        put_few(now, value);
        if (count > most) put_few(count - most, value >> most);
    }
    // Up to 7 bits are pending, so 56 more fit.
    [[gnu::always_inline]] inline void put_few(unsigned count, std::uint64_t value) {
        pending_ |= (value & ~(~std::uint64_t{0} << count)) << pending_count_;
        store_word(bits_.data() + bits_at_, pending_);
        const unsigned all = pending_count_ + count;
        bits_at_ += all / 8;
        pending_ >>= all & ~7u;
        pending_count_ = all % 8;
    }

    std::size_t count_ = 0;
    // Rounds of symbols, an entry for each lane: start and frequency, or 0 where there is none.
    std::vector<std::uint32_t> log_;
    std::size_t logged_ = 0;
    std::vector<std::uint16_t> words_;
    Bytes bits_;
    std::size_t bits_at_ = 0;
    std::uint64_t pending_ = 0;
    unsigned pending_count_ = 0;
};

}  // namespace strandline::delta::number
