#include "delta/number/symbol_reader.h"

#include "delta/format/varint.h"

namespace strandline::delta::number {

Status SymbolReader::open(ByteSpan bytes, std::size_t count) {
    FieldReader in(bytes);
    const std::uint64_t words = in.varint();
    const unsigned states = states_for(count);
    last_state_ = states - 1;
    states_.fill(rans_low);
    for (unsigned i = 0; i < states; ++i) {
        const auto field = in.take(sizeof(std::uint32_t));
        if (!in.ok()) return fail(Errc::corrupt, "delta has numbers that end early");
        states_[i] = load_le<std::uint32_t>(field);
    }
    if (words > in.left() / 2) return fail(Errc::corrupt, "delta has numbers that end early");
    const auto word_bytes = in.take(2 * words);
    const auto bit_bytes = in.rest();
    words_.at = word_bytes.data();
    words_.end = words_.at + word_bytes.size();
    words_.in_tail = false;
    bits_.at = bit_bytes.data();
    bits_.end = bits_.at + bit_bytes.size();
    bits_.in_tail = false;
    bit_ = 0;
    return {};
}

bool SymbolReader::complete() const {
    const auto used = static_cast<std::size_t>(bit_ + 7) / 8;
    return words_.at == words_.end && bits_.at + used == bits_.end &&
           std::ranges::all_of(states_, [](auto state) { return state == rans_low; });
}

}  // namespace strandline::delta::number
