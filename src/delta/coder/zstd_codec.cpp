#include "delta/coder/zstd_codec.h"

#include <algorithm>
#include <array>
#include <bit>
#include <fmt/core.h>
#include <zstd.h>

namespace strandline::delta {
namespace {

struct FreeContext {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};
using Compressor = std::unique_ptr<ZSTD_CCtx, FreeContext>;
using Decompressor = std::unique_ptr<ZSTD_DCtx, FreeContext>;

Compressor make_compressor() {
    Compressor context(ZSTD_createCCtx());
    STRANDLINE_ASSERT(context != nullptr);  // out of memory
    return context;
}

Decompressor make_decompressor() {
    Decompressor context(ZSTD_createDCtx());
    STRANDLINE_ASSERT(context != nullptr);  // out of memory
    return context;
}

Error bad_frame(std::size_t code) {
    return fail(Errc::corrupt,
                fmt::format("delta has a malformed zstd frame: {}", ZSTD_getErrorName(code)));
}

// Of a frame of RFC 8878. Frames of zstd before 0.8 may have windows of any size, which the library
// allocates whatever the limit; skippable ones hold nothing.
constexpr std::array magic{std::byte{0x28}, std::byte{0xb5}, std::byte{0x2f}, std::byte{0xfd}};

Error other_frame() {
    return fail(Errc::corrupt, "delta has something else where one zstd frame belongs");
}

// Parameters are constants of ours, so a refusal is a broken invariant.
void set(ZSTD_CCtx* context, ZSTD_cParameter name, int value) {
    STRANDLINE_ASSERT(ZSTD_isError(ZSTD_CCtx_setParameter(context, name, value)) == 0);
}

}  // namespace

struct ZstdEncoder::Impl {
    Compressor context = make_compressor();
    Bytes out;
};

ZstdEncoder::ZstdEncoder() : impl_(std::make_unique<Impl>()) {}
ZstdEncoder::ZstdEncoder(ZstdEncoder&&) noexcept = default;
ZstdEncoder& ZstdEncoder::operator=(ZstdEncoder&&) noexcept = default;
ZstdEncoder::~ZstdEncoder() = default;

ByteSpan ZstdEncoder::encode(ByteSpan in, ByteSpan prefix, int level, std::size_t limit) {
    constexpr int min_window_log = 10;
    auto* context = impl_->context.get();
    ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters);
    set(context, ZSTD_c_compressionLevel, level);
    set(context, ZSTD_c_contentSizeFlag, 0);
    if (!prefix.empty()) {
        // Every byte of the prefix must stay in reach from the end of the block.
        const auto reach = static_cast<int>(std::bit_width(in.size() + prefix.size()));
        set(context, ZSTD_c_windowLog, std::max(min_window_log, reach));
        ZSTD_CCtx_refPrefix(context, prefix.data(), prefix.size());
    }
    impl_->out.resize(std::max(impl_->out.size(), ZSTD_compressBound(in.size())));
    const auto size =
        ZSTD_compress2(context, impl_->out.data(), impl_->out.size(), in.data(), in.size());
    if (ZSTD_isError(size) != 0 || size > limit) return {};
    return ByteSpan(impl_->out).first(size);
}

struct ZstdDecoder::Impl {
    Decompressor context = make_decompressor();
};

ZstdDecoder::ZstdDecoder() : impl_(std::make_unique<Impl>()) {}
ZstdDecoder::ZstdDecoder(ZstdDecoder&&) noexcept = default;
ZstdDecoder& ZstdDecoder::operator=(ZstdDecoder&&) noexcept = default;
ZstdDecoder::~ZstdDecoder() = default;

Status ZstdDecoder::decode(ByteSpan frame, ByteSpan prefix, std::span<std::byte> out) {
    if (frame.size() < magic.size() || !std::ranges::equal(frame.first(magic.size()), magic) ||
        ZSTD_findFrameCompressedSize(frame.data(), frame.size()) != frame.size())
        return other_frame();
    auto* context = impl_->context.get();
    ZSTD_DCtx_reset(context, ZSTD_reset_session_and_parameters);
    if (!prefix.empty()) ZSTD_DCtx_refPrefix(context, prefix.data(), prefix.size());
    const auto size =
        ZSTD_decompressDCtx(context, out.data(), out.size(), frame.data(), frame.size());
    if (ZSTD_isError(size) != 0) return bad_frame(size);
    if (size != out.size()) return fail(Errc::corrupt, "delta has a zstd frame of another length");
    return {};
}

struct ZstdFrameWriter::Impl {
    Compressor context = make_compressor();
};

ZstdFrameWriter::ZstdFrameWriter(int level, std::uint64_t size, unsigned window_log)
    : impl_(std::make_unique<Impl>()) {
    auto* context = impl_->context.get();
    set(context, ZSTD_c_compressionLevel, level);
    set(context, ZSTD_c_windowLog, static_cast<int>(window_log));
    ZSTD_CCtx_setPledgedSrcSize(context, size);
}
ZstdFrameWriter::~ZstdFrameWriter() = default;

Status ZstdFrameWriter::write(ByteSpan piece, bool last, Bytes& out) {
    ZSTD_inBuffer in{piece.data(), piece.size(), 0};
    const auto mode = last ? ZSTD_e_end : ZSTD_e_continue;
    for (;;) {
        const auto start = out.size();
        out.resize(start + ZSTD_CStreamOutSize());
        ZSTD_outBuffer made{out.data() + start, out.size() - start, 0};
        const auto left = ZSTD_compressStream2(impl_->context.get(), &made, &in, mode);
        out.resize(start + made.pos);
        if (ZSTD_isError(left) != 0) return fail(Errc::internal, ZSTD_getErrorName(left));
        if (last ? left == 0 : in.pos == in.size) return {};
    }
}

struct ZstdFrameReader::Impl {
    Decompressor context = make_decompressor();
    std::size_t begun = 0;  // bytes of the magic number that were taken
};

ZstdFrameReader::ZstdFrameReader(std::uint32_t window_bytes) : impl_(std::make_unique<Impl>()) {
    const auto bounds = ZSTD_dParam_getBounds(ZSTD_d_windowLogMax);
    const auto log = std::clamp(static_cast<int>(std::bit_width(window_bytes)) - 1,
                                bounds.lowerBound, bounds.upperBound);
    const auto code = ZSTD_DCtx_setParameter(impl_->context.get(), ZSTD_d_windowLogMax, log);
    STRANDLINE_ASSERT(ZSTD_isError(code) == 0);
}
ZstdFrameReader::~ZstdFrameReader() = default;

Result<ZstdFrameReader::Step> ZstdFrameReader::read(ByteSpan in, std::span<std::byte> out) {
    const auto rest = std::span(magic).subspan(impl_->begun);
    const auto start = std::min(rest.size(), in.size());
    if (!std::ranges::equal(in.first(start), rest.first(start))) return other_frame();
    ZSTD_inBuffer source{in.data(), in.size(), 0};
    ZSTD_outBuffer made{out.data(), out.size(), 0};
    const auto left = ZSTD_decompressStream(impl_->context.get(), &made, &source);
    if (ZSTD_isError(left) != 0) return bad_frame(left);
    impl_->begun += std::min(start, source.pos);
    return Step{source.pos, made.pos, left == 0};
}

}  // namespace strandline::delta
