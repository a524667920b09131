#include "delta/plain_encoder.h"

#include <algorithm>

#include "delta/zstd_codec.h"

namespace strandline::delta {
namespace {

constexpr std::uint64_t piece_bytes = 256u << 10;

// Feeds the file to one frame and hands what comes out to `take`, which may end it with false.
template <class Take>
Status compress(ByteSpan new_file, const PlainOptions& options, const Take& take) {
    ZstdFrameWriter frame(options.level, new_file.size(), options.window_log);
    Bytes made;
    std::uint64_t at = 0;
    do {
        if (options.cancelled && options.cancelled()) {
            return fail(Errc::cancelled, "making the delta was cancelled");
        }
        const auto piece =
            new_file.subspan(at, std::min<std::uint64_t>(piece_bytes, new_file.size() - at));
        at += piece.size();
        made.clear();
        TRY(frame.write(piece, at == new_file.size(), made));
        TRY(const bool wanted, take(ByteSpan(made)));
        if (!wanted) return {};
    } while (at < new_file.size());
    return {};
}

}  // namespace

Result<std::optional<std::uint64_t>> plain_size(ByteSpan new_file, std::uint64_t limit,
                                                const PlainOptions& options) {
    std::uint64_t size = 0;
    TRY(compress(new_file, options, [&](ByteSpan made) -> Result<bool> {
        size += made.size();
        return size <= limit;
    }));
    if (size > limit) return std::optional<std::uint64_t>{};
    return std::optional<std::uint64_t>{size};
}

Result<std::uint64_t> write_plain(ByteSpan new_file, WriteAt& out, std::uint64_t offset,
                                  const PlainOptions& options) {
    std::uint64_t size = 0;
    TRY(compress(new_file, options, [&](ByteSpan made) -> Result<bool> {
        TRY(out.write_at(offset + size, made));
        size += made.size();
        return true;
    }));
    return size;
}

}  // namespace strandline::delta
