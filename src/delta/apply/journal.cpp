#include "delta/apply/journal.h"

#include <algorithm>
#include <array>

#include "delta/format/crc32c.h"

namespace strandline::delta {
namespace {

// A state: magic, delta, sequence, segments done, whether the next is ready, CRC of all that.
constexpr std::array<std::byte, 8> magic{std::byte{'S'}, std::byte{'L'}, std::byte{'D'},
                                         std::byte{'J'}, std::byte{'N'}, std::byte{'L'},
                                         std::byte{0},   std::byte{1}};
constexpr std::size_t content_bytes = magic.size() + sizeof(Sha256Digest::bytes) + 3 * 8;
constexpr std::size_t state_bytes = content_bytes + 4;
// Apart, so that one write to the medium never reaches both.
constexpr std::uint64_t place_distance = 4096;
constexpr std::uint64_t places = 2;

struct Entry {
    std::uint64_t sequence = 0;
    JournalState state;
};

std::optional<Entry> parse(ByteSpan bytes, const Sha256Digest& delta) {
    const auto content = bytes.first(content_bytes);
    if (!std::ranges::equal(content.first(magic.size()), magic) ||
        crc32c(content) != load_le<std::uint32_t>(bytes.subspan(content_bytes, 4)) ||
        !std::ranges::equal(content.subspan(magic.size(), delta.bytes.size()), delta.bytes))
        return std::nullopt;
    const auto numbers = content.subspan(magic.size() + delta.bytes.size());
    Entry entry;
    entry.sequence = load_le<std::uint64_t>(numbers.first(8));
    entry.state.done = load_le<std::uint64_t>(numbers.subspan(8, 8));
    entry.state.next_is_ready = load_le<std::uint64_t>(numbers.subspan(16, 8)) != 0;
    return entry;
}

}  // namespace

Result<std::optional<JournalState>> Journal::load() {
    std::optional<Entry> newest;
    for (std::uint64_t place = 0; place < places; ++place) {
        const std::uint64_t offset = place * place_distance;
        if (file_->size() < offset + state_bytes) break;
        std::array<std::byte, state_bytes> bytes{};
        TRY(file_->read_at(offset, bytes));
        const auto entry = parse(bytes, delta_);
        if (entry && (!newest || entry->sequence > newest->sequence)) newest = entry;
    }
    if (!newest) return std::optional<JournalState>{};
    sequence_ = newest->sequence + 1;
    return std::optional(newest->state);
}

Status Journal::start(std::uint64_t segment_bytes) {
    // What another delta left there must not count again.
    TRY(file_->truncate(0));
    TRY(file_->allocate(output_offset + segment_bytes));
    return note({});
}

Status Journal::note(const JournalState& state) {
    Bytes bytes(magic.begin(), magic.end());
    bytes.insert(bytes.end(), delta_.bytes.begin(), delta_.bytes.end());
    append_le(bytes, sequence_);
    append_le(bytes, state.done);
    append_le(bytes, std::uint64_t{state.next_is_ready ? 1u : 0u});
    append_le(bytes, crc32c(bytes));
    TRY(file_->write_at(sequence_ % places * place_distance, bytes));
    ++sequence_;
    return file_->sync();
}

Status Journal::clear() {
    TRY(file_->truncate(0));
    return file_->sync();
}

}  // namespace strandline::delta
