#include "delta/encode/plain_encoder.h"

#include <algorithm>

#include "delta/coder/zstd_codec.h"
#include "delta/encode/progress.h"

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
            return was_cancelled();
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

bool plain_may_win(ByteSpan new_file, std::uint64_t rival) {
    constexpr std::uint64_t sample_bytes = 64u << 10;
    constexpr std::uint64_t samples = 8;
    constexpr double best_gain = 0.75;
    if (new_file.size() < 4 * samples * sample_bytes) return true;
    ZstdEncoder zstd;
    std::size_t coded = 0;
    const std::uint64_t distance = (new_file.size() - sample_bytes) / (samples - 1);
    for (std::uint64_t i = 0; i < samples; ++i) {
        const auto sample = new_file.subspan(i * distance, sample_bytes);
        coded += zstd.encode(sample, {}, 3, SIZE_MAX).size();
    }
    const double share = static_cast<double>(coded) / (samples * sample_bytes);
    return share * best_gain * static_cast<double>(new_file.size()) < static_cast<double>(rival);
}

double plain_gain(ByteSpan new_file) {
    constexpr std::uint64_t most_sampled_share = 8;
    constexpr std::uint64_t max_sample_bytes = 128u << 10;
    constexpr std::uint64_t min_sample_bytes = 4u << 10;
    constexpr std::uint64_t samples = 3;
    constexpr double far_allowance = 1.08;
    constexpr double near_allowance = 1.03;  // level 3 sees all of a small file, too
    constexpr std::uint64_t near_bytes = std::uint64_t{2} << 20;
    constexpr double small_file_gain = 2;  // very small files are simply tried
    if (new_file.size() < 2 * samples * min_sample_bytes) return small_file_gain;
    const std::uint64_t sample_bytes = std::clamp(new_file.size() / (samples * most_sampled_share),
                                                  min_sample_bytes, max_sample_bytes);
    ZstdEncoder zstd;
    double fast = 0;
    double slow = 0;
    const std::uint64_t distance = (new_file.size() - sample_bytes) / (samples - 1);
    for (std::uint64_t i = 0; i < samples; ++i) {
        const auto sample = new_file.subspan(i * distance, sample_bytes);
        fast += static_cast<double>(zstd.encode(sample, {}, 3, SIZE_MAX).size());
        slow += static_cast<double>(zstd.encode(sample, {}, 19, SIZE_MAX).size());
    }
    return std::max(1.0, fast / slow) *
           (new_file.size() <= near_bytes ? near_allowance : far_allowance);
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
