#include "delta/coder/lzma_codec.h"

#include <algorithm>
#include <array>
#include <lzma.h>

namespace strandline::delta {
namespace {

const std::uint8_t* data_of(ByteSpan bytes) {
    return reinterpret_cast<const std::uint8_t*>(bytes.data());
}

lzma_options_lzma options_for(const LzmaModel& model, ByteSpan prefix, std::size_t size) {
    lzma_options_lzma options{};
    options.lc = model.lc;
    options.lp = model.lp;
    options.pb = model.pb;
    options.dict_size =
        static_cast<std::uint32_t>(std::max<std::size_t>(LZMA_DICT_SIZE_MIN, prefix.size() + size));
    options.preset_dict = data_of(prefix);
    options.preset_dict_size = static_cast<std::uint32_t>(prefix.size());
    options.ext_size_low = static_cast<std::uint32_t>(size);
    options.ext_size_high = static_cast<std::uint32_t>(std::uint64_t{size} >> 32);
    return options;
}

std::array<lzma_filter, 2> chain_of(lzma_options_lzma& options) {
    return {lzma_filter{LZMA_FILTER_LZMA1EXT, &options}, lzma_filter{LZMA_VLI_UNKNOWN, nullptr}};
}

// Runs a stream that is already open from all of `in` to `out`; bytes made, or nothing.
bool run(lzma_stream& stream, ByteSpan in, std::span<std::byte> out,
         const std::function<bool()>& stopped = {}) {
    // The encoder makes the same of pieces as of the whole.
    constexpr std::size_t piece_bytes = 32u << 10;
    stream.next_in = data_of(in);
    stream.next_out = reinterpret_cast<std::uint8_t*>(out.data());
    stream.avail_out = out.size();
    std::size_t left = in.size();
    while (stopped && left > piece_bytes) {
        stream.avail_in = piece_bytes;
        left -= piece_bytes;
        if (stopped() || lzma_code(&stream, LZMA_RUN) != LZMA_OK || stream.avail_in != 0)
            return false;
    }
    stream.avail_in = left;
    return lzma_code(&stream, LZMA_FINISH) == LZMA_STREAM_END;
}

Error damaged() { return fail(Errc::corrupt, "delta has a damaged LZMA stream"); }

}  // namespace

Bytes lzma_encode(ByteSpan in, ByteSpan prefix, const LzmaModel& model, std::size_t limit,
                  LzmaEffort effort, const std::function<bool()>& stopped) {
    constexpr std::uint32_t longest_match = 273;
    constexpr std::uint32_t search_depth = 512;
    constexpr std::uint32_t quick_match = 64;
    constexpr std::uint32_t quick_depth = 16;
    if (limit < 2 || in.empty()) return {};
    auto options = options_for(model, prefix, in.size());
    options.mode = LZMA_MODE_NORMAL;
    options.nice_len = longest_match;
    options.mf = LZMA_MF_BT4;
    options.depth = search_depth;
    if (effort == LzmaEffort::some) {
        options.nice_len = quick_match;
        options.depth = quick_depth;
    }
    const auto chain = chain_of(options);
    lzma_stream stream = LZMA_STREAM_INIT;
    Bytes out(limit);
    out[0] = static_cast<std::byte>((model.pb * 5 + model.lp) * 9 + model.lc);
    const bool fits = lzma_raw_encoder(&stream, chain.data()) == LZMA_OK &&
                      run(stream, in, std::span(out).subspan(1), stopped);
    out.resize(fits ? 1 + stream.total_out : 0);
    lzma_end(&stream);
    return out;
}

Status lzma_decode(ByteSpan payload, ByteSpan prefix, std::span<std::byte> out) {
    if (payload.empty() || out.empty()) return damaged();
    const auto packed = static_cast<unsigned>(payload[0]);
    const LzmaModel model{static_cast<std::uint8_t>(packed % 9),
                          static_cast<std::uint8_t>(packed / 9 % 5),
                          static_cast<std::uint8_t>(packed / 45)};
    if (model.lc + model.lp > LZMA_LCLP_MAX || model.pb > LZMA_PB_MAX) return damaged();
    auto options = options_for(model, prefix, out.size());
    const auto chain = chain_of(options);
    lzma_stream stream = LZMA_STREAM_INIT;
    const bool whole = lzma_raw_decoder(&stream, chain.data()) == LZMA_OK &&
                       run(stream, payload.subspan(1), out) && stream.avail_in == 0 &&
                       stream.total_out == out.size();
    lzma_end(&stream);
    if (!whole) return damaged();
    return {};
}

}  // namespace strandline::delta
