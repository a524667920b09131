#include "delta/breakdown.h"

#include <algorithm>

#include "delta/format/header.h"
#include "delta/format/record_survey.h"
#include "delta/format/short_prologue.h"
#include "delta/info.h"

namespace strandline::delta {
namespace {

constexpr std::array<std::string_view, coding_count> names{
    "copy",
    "fill",
    "raw",
    "literals",
    "zstd",
    "lzma",
    "planes",
    "changed_words",
    "numbers",
    "numbers_direct",
    "numbers_sparse",
    "numbers_row_scales",
    "numbers_column_scales",
    "numbers_low_rank",
    "numbers_requantised",
    "numbers_folded",
    "numbers_exact",
    "numbers_converted",
    "mixed",
    "frame",
    "prologue",
};
static_assert(static_cast<std::size_t>(Coding::prologue) + 1 == coding_count);

// The index of a short prologue; that of a long one is read entry by entry.
Result<Bytes> short_index(const ReadAt& patch, const DeltaInfo& info) {
    Bytes prologue(info.short_prologue_bytes);
    if (prologue.empty()) return prologue;
    TRY(patch.read_at(0, prologue));
    TRY(auto parsed, parse_short_prologue(prologue));
    return std::move(parsed.index);
}

Result<std::uint64_t> encoded_bytes(const ReadAt& patch, ByteSpan index, std::uint64_t segment) {
    if (!index.empty()) return std::uint64_t{index_entry(index, segment).encoded_bytes};
    Bytes entry(index_entry_bytes);
    TRY(patch.read_at(header_bytes + segment * index_entry_bytes, entry));
    return std::uint64_t{index_entry(entry, 0).encoded_bytes};
}

}  // namespace

std::string_view name_of(Coding coding) { return names[static_cast<std::size_t>(coding)]; }

void Breakdown::add(const Breakdown& more) {
    for (std::size_t i = 0; i < coding_count; ++i) {
        shares[i].new_bytes += more.shares[i].new_bytes;
        shares[i].delta_bytes += more.shares[i].delta_bytes;
    }
}

std::vector<Breakdown::Row> Breakdown::rows() const {
    std::vector<Row> rows;
    for (std::size_t i = 0; i < coding_count; ++i) {
        const auto& share = shares[i];
        if (share.new_bytes == 0 && share.delta_bytes == 0) continue;
        rows.push_back({names[i], share.new_bytes, share.delta_bytes});
    }
    return rows;
}

Result<Breakdown> read_breakdown(const ReadAt& patch) {
    TRY(const auto info, read_info(patch));
    if (info.patch_size != patch.size())
        return fail(Errc::corrupt, "delta is not as long as it declares");
    Breakdown sums;
    sums[Coding::prologue].delta_bytes = info.prologue_bytes();
    if (info.body == BodyKind::frame) {
        sums[Coding::frame] = {info.new_size, info.patch_size - info.prologue_bytes()};
        return sums;
    }
    TRY(const auto index, short_index(patch, info));
    std::uint64_t offset = info.prologue_bytes();
    for (std::uint64_t segment = 0; segment < info.segments(); ++segment) {
        TRY(const auto length, encoded_bytes(patch, index, segment));
        if (length > info.patch_size - offset)
            return fail(Errc::corrupt, "delta ends within a segment");
        const std::uint64_t begin = segment * info.segment_bytes;
        const std::uint64_t end = std::min(begin + info.segment_bytes, info.new_size);
        TRY(RecordSurvey(begin, end, sums).run(patch, {offset, length}));
        offset += length;
    }
    if (offset != info.patch_size) return fail(Errc::corrupt, "delta does not end with a segment");
    return sums;
}

}  // namespace strandline::delta
