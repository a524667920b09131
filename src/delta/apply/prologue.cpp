#include "delta/apply/prologue.h"

#include <fmt/core.h>

#include "delta/format/header.h"
#include "delta/format/short_prologue.h"

namespace strandline::delta {

Status check_limits(const DeltaInfo& info, const Limits& limits) {
    if (info.new_size > limits.max_output_bytes) {
        return fail(Errc::exhausted, fmt::format("the delta makes {} bytes; the limit is {}",
                                                 info.new_size, limits.max_output_bytes));
    }
    if (info.decoder_memory > limits.max_memory_bytes) {
        return fail(Errc::exhausted,
                    fmt::format("the delta needs {} bytes of memory; the limit is {}",
                                info.decoder_memory, limits.max_memory_bytes));
    }
    return {};
}

Result<Prologue> read_prologue(const ReadAt& patch, const Limits& limits) {
    Prologue prologue;
    TRY(prologue.info, read_info(patch));
    TRY(check_limits(prologue.info, limits));
    if (patch.size() != prologue.info.patch_size)
        return fail(Errc::corrupt, "delta has not the size that it declares");
    prologue.bytes.resize(static_cast<std::size_t>(prologue.info.prologue_bytes()));
    TRY(patch.read_at(0, prologue.bytes));
    if (prologue.info.short_prologue_bytes != 0) {
        TRY(auto parsed, parse_short_prologue(prologue.bytes));
        prologue.index = std::move(parsed.index);
    } else {
        const auto index = ByteSpan(prologue.bytes).subspan(header_bytes);
        prologue.index.assign(index.begin(), index.end());
    }
    TRY(check_index(prologue.info, prologue.index));
    return prologue;
}

}  // namespace strandline::delta
