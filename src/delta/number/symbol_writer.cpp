#include "delta/number/symbol_writer.h"

#include <algorithm>

#include "delta/format/varint.h"
#include "delta/number/state_packer.h"

namespace strandline::delta::number {

void SymbolWriter::begin(std::size_t count) {
    count_ = count;
    logged_ = bits_at_ = 0;
    pending_ = 0;
    pending_count_ = 0;
}

void SymbolWriter::grow() {
    log_.resize(std::max(log_.size() + log_.size() / 2, logged_ + chunk_entries));
    bits_.resize(std::max(bits_.size() + bits_.size() / 2, bits_at_ + chunk_bit_bytes));
}

void SymbolWriter::finish(Bytes& out) {
    const unsigned used = states_for(count_);
    Lanes<std::uint32_t> states;
    states.fill(rans_low);
    // A symbol gives a word at most.
    if (words_.size() < logged_ + lanes) words_.resize(logged_ + lanes);
    const std::span<const std::uint32_t> entries(log_.data(), logged_);
    const auto count = used == lanes && has_avx2() ? pack_avx2(entries, states, words_)
                                                   : pack(entries, used, states, words_);
    append_varint(out, count);
    for (unsigned i = 0; i < used; ++i) append_le(out, states[i]);
    const std::size_t at = out.size();
    out.resize(at + 2 * count);
    const auto* const first = words_.data() + words_.size() - count;
    for (std::size_t i = 0; i < count; ++i) store_word(out.data() + at + 2 * i, first[i]);
    // Ends with a byte that is not full.
    const std::size_t whole = bits_at_;
    out.insert(out.end(), bits_.begin(), bits_.begin() + static_cast<std::ptrdiff_t>(whole));
    if (pending_count_ > 0) out.push_back(static_cast<std::byte>(pending_ & 0xff));
    begin(0);
}

}  // namespace strandline::delta::number
