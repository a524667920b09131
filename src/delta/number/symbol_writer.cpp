#include "delta/number/symbol_writer.h"

#include <array>

#include "delta/varint.h"

namespace strandline::delta::number {

std::uint64_t SymbolWriter::bits(unsigned count, std::uint64_t value) {
    constexpr unsigned step = 32;
    std::uint64_t left = value;
    for (unsigned todo = count; todo > 0;) {
        const unsigned part = todo < step ? todo : step;
        pending_ |= (left & ((std::uint64_t{1} << part) - 1)) << pending_count_;
        pending_count_ += part;
        left >>= part;
        todo -= part;
        for (; pending_count_ >= 8; pending_count_ -= 8, pending_ >>= 8) {
            bits_.push_back(static_cast<std::byte>(pending_ & 0xff));
        }
    }
    return value;
}

void SymbolWriter::finish(Bytes& out) {
    std::array<std::uint32_t, rans_states> states;
    states.fill(rans_low);
    words_.clear();
    // Range coding by states works like a stack, so the last symbol goes first.
    for (std::size_t i = log_.size(); i-- > 0;) {
        const std::uint32_t start = log_[i] >> 17;
        const std::uint32_t frequency = log_[i] >> 2 & (probability_one - 1);
        std::uint32_t& state = states[log_[i] & 3];
        // One range more than 32 bits hold is impossible: frequency is below 2^15.
        if (state >= frequency << (32 - probability_bits)) {
            words_.push_back(static_cast<std::uint16_t>(state & 0xffff));
            state >>= 16;
        }
        state = (state / frequency << probability_bits) + state % frequency + start;
    }
    append_varint(out, words_.size());
    for (const auto state : states) append_le(out, state);
    for (std::size_t i = words_.size(); i-- > 0;) append_le(out, words_[i]);
    if (pending_count_ > 0) bits_.push_back(static_cast<std::byte>(pending_ & 0xff));
    out.insert(out.end(), bits_.begin(), bits_.end());
    log_.clear();
    bits_.clear();
    pending_ = 0;
    pending_count_ = 0;
}

}  // namespace strandline::delta::number
