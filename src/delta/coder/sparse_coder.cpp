#include "delta/coder/sparse_coder.h"

#include <algorithm>
#include <cstring>

#include "delta/coder/byte_stream.h"
#include "delta/format/varint.h"

namespace strandline::delta {
namespace {

// A gap byte of this value stands for so many unchanged words and no changed one.
constexpr std::size_t long_gap = 255;
// With more changed words than this share the planes of all words are smaller.
constexpr std::size_t max_changed_percent = 45;

Error malformed(const char* what) {
    return fail(Errc::corrupt, std::string("delta has a malformed sparse block: ") + what);
}

// Where words changed, and the changed words after one another.
struct Changes {
    Bytes gaps;
    Bytes next;
    Bytes old;
};

Changes find_changes(ByteSpan words, ByteSpan old, std::size_t word) {
    Changes changes;
    std::size_t gap = 0;
    for (std::size_t at = 0; at < words.size(); at += word) {
        if (std::memcmp(words.data() + at, old.data() + at, word) == 0) {
            ++gap;
            continue;
        }
        for (; gap >= long_gap; gap -= long_gap)
            changes.gaps.push_back(static_cast<std::byte>(long_gap));
        changes.gaps.push_back(static_cast<std::byte>(gap));
        gap = 0;
        const auto next_word = words.subspan(at, word);
        const auto old_word = old.subspan(at, word);
        changes.next.insert(changes.next.end(), next_word.begin(), next_word.end());
        changes.old.insert(changes.old.end(), old_word.begin(), old_word.end());
    }
    return changes;
}

// A sample is enough to see that a block is not sparse.
bool looks_sparse(ByteSpan words, ByteSpan old, std::size_t word) {
    constexpr std::size_t samples = 512;
    const std::size_t count = words.size() / word;
    const std::size_t step = std::max<std::size_t>(1, count / samples) * word;
    std::size_t seen = 0;
    std::size_t changed = 0;
    for (std::size_t at = 0; at < words.size(); at += step) {
        ++seen;
        changed += std::memcmp(words.data() + at, old.data() + at, word) != 0 ? 1 : 0;
    }
    return changed * 100 <= seen * max_changed_percent;
}

// Calls `use` with the offset of each changed word in turn; the gaps must name `count` of them
// within `size` bytes.
template <class Use>
Status walk_gaps(ByteSpan gaps, std::size_t count, std::size_t word, std::size_t size,
                 const Use& use) {
    std::size_t at = 0;  // at most size + 255 * word
    for (const auto gap : gaps) {
        const auto skipped = static_cast<std::size_t>(gap);
        at += skipped * word;
        if (at > size) return malformed("a change lies behind its end");
        if (skipped == long_gap) continue;
        if (at == size || count == 0) return malformed("a change lies behind its end");
        use(at);
        at += word;
        --count;
    }
    if (count != 0) return malformed("changes are missing");
    return {};
}

}  // namespace

bool encode_sparse(ByteSpan block, ByteSpan old, const PlaneMode& mode, ZstdEncoder& zstd,
                   std::span<std::byte> scratch, Bytes& out) {
    const WordLayout layout = layout_of(block.size(), mode);
    const std::size_t word = std::size_t{1} << mode.word_log;
    const auto words = block.subspan(layout.skip, layout.words);
    const auto old_words = old.subspan(layout.skip, layout.words);
    if (layout.words == 0 || !looks_sparse(words, old_words, word)) return false;
    const Changes changes = find_changes(words, old_words, word);
    if (changes.gaps.size() + 2 * changes.next.size() > block.size()) return false;

    const std::size_t count = changes.next.size() / word;
    out.push_back(mode_byte(mode));
    append_varint(out, count);
    append_varint(out, changes.gaps.size());
    append_stream(changes.gaps, zstd, out);
    const auto planes = scratch.first(changes.next.size());
    split_planes(changes.next, changes.old, mode.transform, mode.word_log, planes);
    for (std::size_t start = 0; start < planes.size(); start += count) {
        append_stream(planes.subspan(start, count), zstd, out);
    }
    const auto head = block.first(layout.skip);
    const auto tail = block.last(layout.tail);
    out.insert(out.end(), head.begin(), head.end());
    out.insert(out.end(), tail.begin(), tail.end());
    return true;
}

Status decode_sparse(ByteSpan payload, ByteSpan old, ZstdDecoder& zstd, std::span<std::byte> block,
                     std::span<std::byte> scratch) {
    FieldReader in(payload);
    TRY(const PlaneMode mode, read_mode(in));
    if (mode.transform == Transform::none || old.size() != block.size())
        return malformed("old bytes do not fit");
    const WordLayout layout = layout_of(block.size(), mode);
    const std::size_t word = std::size_t{1} << mode.word_log;
    const std::uint64_t count = in.varint();
    const std::uint64_t gap_bytes = in.varint();
    // First each alone, so that the sum cannot overflow.
    if (!in.ok() || count > block.size() || gap_bytes > block.size() ||
        gap_bytes + 2 * count * word > block.size()) {
        return malformed("it has too many changes");
    }
    const std::size_t changed_bytes = static_cast<std::size_t>(count) * word;
    const auto gaps = scratch.first(static_cast<std::size_t>(gap_bytes));
    const auto planes = scratch.subspan(gaps.size(), changed_bytes);
    const auto changed = scratch.subspan(gaps.size() + changed_bytes, changed_bytes);
    TRY(read_stream(in, zstd, gaps));
    for (std::size_t start = 0; start < planes.size(); start += count) {
        TRY(read_stream(in, zstd, planes.subspan(start, static_cast<std::size_t>(count))));
    }
    const auto head = in.take(layout.skip);
    const auto tail = in.take(layout.tail);
    if (!in.ok() || in.left() != 0) return malformed("its length does not fit");

    std::ranges::copy(old, block.begin());
    std::ranges::copy(head, block.begin());
    std::ranges::copy(tail, block.last(layout.tail).begin());
    const auto words = block.subspan(layout.skip, layout.words);
    std::byte* gather = changed.data();
    TRY(walk_gaps(gaps, changed_bytes / word, word, words.size(), [&](std::size_t at) {
        std::memcpy(gather, words.data() + at, word);
        gather += word;
    }));
    join_planes(planes, changed, mode.transform, mode.word_log, changed);
    const std::byte* scatter = changed.data();
    return walk_gaps(gaps, changed_bytes / word, word, words.size(), [&](std::size_t at) {
        std::memcpy(words.data() + at, scatter, word);
        scatter += word;
    });
}

}  // namespace strandline::delta
