#include "delta/number/state_packer.h"

#include "delta/number/cdf.h"

namespace strandline::delta::number {

std::size_t pack(std::span<const std::uint32_t> entries, unsigned used,
                 Lanes<std::uint32_t>& states, std::span<std::uint16_t> words) {
    std::uint16_t* const end = words.data() + words.size();
    std::uint16_t* word = end;
    for (std::size_t i = entries.size(); i-- > 0;) {
        if (entries[i] == 0) continue;
        const std::uint32_t start = entries[i] >> 16;
        const std::uint32_t frequency = entries[i] & 0xffff;
        std::uint32_t& place = states[i % lanes & (used - 1)];
        std::uint32_t state = place;
        // One range more than 32 bits hold is impossible: frequency is below 2^15.
        const bool full = state >= frequency << (32 - probability_bits);
        word[-1] = static_cast<std::uint16_t>(state & 0xffff);
        word -= full ? 1 : 0;
        state >>= full ? 16 : 0;
        place = (state / frequency << probability_bits) + state % frequency + start;
    }
    return static_cast<std::size_t>(end - word);
}

}  // namespace strandline::delta::number
