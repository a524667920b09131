// Applies arbitrary bytes as a delta, to another file and in place, and looks at what it is made
// of. The checksums would stop nearly every input at the door, so they are put right first: what is
// fuzzed is everything behind them.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "delta/apply.h"
#include "delta/breakdown.h"
#include "delta/format/crc32c.h"
#include "delta/format/header.h"
#include "delta/format/short_prologue.h"
#include "delta/in_place.h"
#include "delta/test/test_cut_medium.h"

namespace strandline::delta {
namespace {

// The input is: 2 bytes length of the old file, old file, delta.
struct Input {
    ByteSpan old_file;
    Bytes patch;
};

Input split(ByteSpan data) {
    if (data.size() < 2) return {};
    const std::size_t old_size =
        std::min<std::size_t>(load_le<std::uint16_t>(data.first(2)), data.size() - 2);
    const auto patch = data.subspan(2 + old_size);
    return {data.subspan(2, old_size), Bytes(patch.begin(), patch.end())};
}

void repair(Bytes& patch, ByteSpan old_file) {
    const std::span<std::byte> all(patch);
    if (patch.size() >= prologue_start_bytes && has_short_prologue(patch)) {
        const auto length = short_prologue_bytes(patch);
        if (!length || *length > patch.size()) return;
        store_le(crc32c(all.first(*length - 4)), all.subspan(*length - 4, 4));
        return;
    }
    if (patch.size() < header_bytes) return;
    store_le<std::uint64_t>(old_file.size(), all.subspan(16, 8));
    std::ranges::copy(sha256(old_file).bytes, all.subspan(24, 32).begin());
    store_le<std::uint64_t>(patch.size(), all.subspan(96, 8));
    const std::uint64_t new_size = load_le<std::uint64_t>(all.subspan(56, 8));
    const std::uint64_t segment = load_le<std::uint32_t>(all.subspan(12, 4));
    const bool has_index = all[8] == std::byte{static_cast<unsigned char>(BodyKind::segments)} &&
                           segment > 0 && new_size < max_file_bytes;
    const std::uint64_t index =
        has_index ? (new_size + segment - 1) / segment * index_entry_bytes : 0;
    if (index <= patch.size() - header_bytes) {
        const auto bytes = all.subspan(header_bytes, static_cast<std::size_t>(index));
        store_le(crc32c(bytes), all.subspan(120, 4));
    }
    store_le(crc32c(all.first(header_bytes - 4)), all.subspan(header_bytes - 4, 4));
}

// Checks that an applier never writes more than it was allowed to.
class BoundedSink final : public Sink {
public:
    explicit BoundedSink(std::uint64_t limit) : left_(limit) {}
    Status write(ByteSpan bytes) override {
        STRANDLINE_ASSERT(bytes.size() <= left_);
        left_ -= bytes.size();
        return {};
    }

private:
    std::uint64_t left_;
};

void apply_to_another(const Input& input, std::size_t chunk) {
    ApplyOptions options;
    options.limits = {std::uint64_t{1} << 20, std::uint64_t{4} << 20};
    options.old_check = OldCheck::never;
    const MemoryReader old_file(input.old_file);
    BoundedSink output(options.limits.max_output_bytes);
    Applier applier(old_file, output, options);
    for (ByteSpan rest = input.patch; !rest.empty();
         rest = rest.subspan(std::min(chunk, rest.size()))) {
        if (!applier.push(rest.first(std::min(chunk, rest.size())))) return;
    }
    ignore(applier.finish(), "the hash of arbitrary bytes is nearly always wrong");
}

// Whatever is wrong, a file is left alone unless a segment was right.
void apply_to_itself(const Input& input) {
    ApplyOptions options;
    options.limits = {std::uint64_t{1} << 20, std::uint64_t{4} << 20};
    CutMedium medium(Bytes(input.old_file.begin(), input.old_file.end()), {});
    const auto done =
        apply_in_place(medium.file, medium.journal, MemoryReader(input.patch), options);
    if (done) {
        STRANDLINE_ASSERT(done->is_new(sha256(medium.file.bytes())));
        STRANDLINE_ASSERT(medium.journal.bytes().empty());
    } else if (done.error().code != Errc::corrupt) {
        STRANDLINE_ASSERT(std::ranges::equal(medium.file.bytes(), input.old_file));
    }
}

}  // namespace
}  // namespace strandline::delta

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    namespace delta = strandline::delta;
    auto input = delta::split(std::as_bytes(std::span(data, size)));
    delta::repair(input.patch, input.old_file);
    delta::apply_to_another(input, SIZE_MAX);
    delta::apply_to_another(input, 7);
    delta::apply_to_itself(input);
    strandline::ignore(delta::read_breakdown(delta::MemoryReader(input.patch)),
                       "most are no deltas");
    return 0;
}
