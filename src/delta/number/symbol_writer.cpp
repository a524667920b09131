#include "delta/number/symbol_writer.h"

#include "delta/format/varint.h"

namespace strandline::delta::number {

void SymbolWriter::begin(std::size_t count) {
    constexpr std::size_t most_symbols = 3;
    constexpr std::size_t most_bit_bytes = 9;
    const std::size_t padded = count + lanes;
    count_ = count;
    if (log_.size() < padded * most_symbols) {
        log_.resize(padded * most_symbols);
        log_lanes_.resize(log_.size());
        words_.resize(log_.size());
    }
    if (bits_.size() < padded * most_bit_bytes) bits_.resize(padded * most_bit_bytes);
    logged_ = bits_at_ = 0;
    pending_ = 0;
    pending_count_ = 0;
}

void SymbolWriter::finish(Bytes& out) {
    const unsigned used = states_for(count_);
    Lanes<std::uint32_t> states;
    states.fill(rans_low);
    // Range coding by states works like a stack, so the last symbol goes first; its words are
    // filled in from the end.
    std::uint16_t* const end = words_.data() + words_.size();
    std::uint16_t* word = end;
    for (std::size_t i = logged_; i-- > 0;) {
        const std::uint32_t start = log_[i] >> 16;
        const std::uint32_t frequency = log_[i] & 0xffff;
        std::uint32_t& place = states[log_lanes_[i] & (used - 1)];
        std::uint32_t state = place;
        // One range more than 32 bits hold is impossible: frequency is below 2^15.
        const bool full = state >= frequency << (32 - probability_bits);
        word[-1] = static_cast<std::uint16_t>(state & 0xffff);
        word -= full ? 1 : 0;
        state >>= full ? 16 : 0;
        place = (state / frequency << probability_bits) + state % frequency + start;
    }
    const auto count = static_cast<std::size_t>(end - word);
    append_varint(out, count);
    for (unsigned i = 0; i < used; ++i) append_le(out, states[i]);
    const std::size_t at = out.size();
    out.resize(at + 2 * count);
    for (std::size_t i = 0; i < count; ++i) store_word(out.data() + at + 2 * i, word[i]);
    if (pending_count_ > 0) bits_[bits_at_++] = static_cast<std::byte>(pending_ & 0xff);
    out.insert(out.end(), bits_.begin(), bits_.begin() + static_cast<std::ptrdiff_t>(bits_at_));
    begin(0);
}

}  // namespace strandline::delta::number
