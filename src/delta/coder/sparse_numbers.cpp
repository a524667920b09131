#include "delta/coder/sparse_numbers.h"

#include <algorithm>
#include <cstring>

#include "delta/format/varint.h"
#include "delta/number/number_format.h"

namespace strandline::delta {
namespace {

Error malformed() { return fail(Errc::corrupt, "delta has malformed sparse numbers"); }

struct Changes {
    Bytes gaps;  // 32 bits each
    Bytes next;
    Bytes old;
    std::size_t count = 0;
};

Changes find_changes(ByteSpan numbers, ByteSpan old, std::size_t one) {
    constexpr std::size_t stride = 64;
    Changes changes;
    std::size_t last = 0;
    for (std::size_t at = 0; at < numbers.size();) {
        if (numbers.size() - at >= stride &&
            std::memcmp(numbers.data() + at, old.data() + at, stride) == 0) {
            at += stride;
            continue;
        }
        const std::size_t stop = std::min(numbers.size(), at + stride);
        for (; at < stop; at += one) {
            if (std::memcmp(numbers.data() + at, old.data() + at, one) == 0) continue;
            append_le(changes.gaps, static_cast<std::uint32_t>((at - last) / one));
            const auto next_number = numbers.subspan(at, one);
            const auto old_number = old.subspan(at, one);
            changes.next.insert(changes.next.end(), next_number.begin(), next_number.end());
            changes.old.insert(changes.old.end(), old_number.begin(), old_number.end());
            last = at + one;
            ++changes.count;
        }
    }
    return changes;
}

// Calls `use` with the offset of each changed number; false when one lies behind the end.
template <class Use>
bool walk(ByteSpan gaps, std::size_t one, std::size_t size, const Use& use) {
    std::size_t at = 0;
    for (std::size_t i = 0; i < gaps.size(); i += sizeof(std::uint32_t)) {
        const std::size_t skip = number::load_word<std::uint32_t>(gaps.data() + i);
        if (skip >= (size - at) / one) return false;
        at += skip * one;
        use(at);
        at += one;
    }
    return true;
}

}  // namespace

bool encode_sparse_numbers(ElementType type, ByteSpan numbers, ByteSpan old,
                           const SparseModels& models, number::SymbolWriter& writer, Bytes& out) {
    const std::size_t one = element_size(type);
    const Changes changes = find_changes(numbers, old, one);
    if (!is_sparse(changes.count, numbers.size() / one, one)) return false;
    Bytes gaps;
    number::encode_numbers({ElementType::i32, number::Method::relative}, changes.gaps, {},
                           models.gaps, writer, gaps);
    append_varint(out, changes.count);
    append_varint(out, gaps.size());
    out.insert(out.end(), gaps.begin(), gaps.end());
    number::encode_numbers({type, number::Method::absolute}, changes.next, changes.old,
                           models.numbers, writer, out);
    return true;
}

Status decode_sparse_numbers(ElementType type, ByteSpan streams, ByteSpan old,
                             const SparseModels& models, std::span<std::byte> numbers,
                             std::span<std::byte> scratch) {
    const std::size_t one = element_size(type);
    FieldReader in(streams);
    const std::uint64_t count = in.varint();
    const auto gap_streams = in.take(in.varint());
    // First alone, so that the product cannot overflow.
    if (!in.ok() || count > numbers.size() / one || old.size() != numbers.size() ||
        !is_sparse(static_cast<std::size_t>(count), numbers.size() / one, one)) {
        return malformed();
    }
    const std::size_t changed = static_cast<std::size_t>(count) * one;
    const auto gaps = scratch.first(static_cast<std::size_t>(count) * sizeof(std::uint32_t));
    const auto old_changed = scratch.subspan(gaps.size(), changed);
    const auto next = scratch.subspan(gaps.size() + changed, changed);
    TRY(number::decode_numbers({ElementType::i32, number::Method::relative}, gap_streams, {},
                               models.gaps, gaps));
    std::byte* gather = old_changed.data();
    if (!walk(gaps, one, numbers.size(), [&](std::size_t at) {
            std::memcpy(gather, old.data() + at, one);
            gather += one;
        })) {
        return malformed();
    }
    TRY(number::decode_numbers({type, number::Method::absolute}, in.rest(), old_changed,
                               models.numbers, next));
    std::ranges::copy(old, numbers.begin());
    const std::byte* scatter = next.data();
    walk(gaps, one, numbers.size(), [&](std::size_t at) {
        std::memcpy(numbers.data() + at, scatter, one);
        scatter += one;
    });
    return {};
}

}  // namespace strandline::delta
