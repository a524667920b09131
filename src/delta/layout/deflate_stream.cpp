#include "delta/layout/deflate_stream.h"

#include <algorithm>
#include <zlib.h>

namespace strandline::delta {
namespace {

constexpr int raw_window_bits = -15;
constexpr std::size_t buffer_bytes = 64 * 1024;
/// zlib counts input in 32 bits.
constexpr std::size_t max_piece = std::size_t{1} << 30;

using Buffer = std::array<std::byte, buffer_bytes>;

/// zlib does not change what it reads, its older versions only do not say so.
void set_input(z_stream& stream, ByteSpan bytes) {
    stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
}

void set_output(z_stream& stream, Buffer& buffer) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
}

ByteSpan written(const z_stream& stream, const Buffer& buffer) {
    return ByteSpan(buffer).first(buffer.size() - stream.avail_out);
}

}  // namespace

struct DeflateStream::Impl {
    z_stream stream{};
    Buffer buffer{};

    explicit Impl(DeflateParameters parameters) {
        const int status = deflateInit2(&stream, parameters.level, Z_DEFLATED, raw_window_bits,
                                        parameters.memory_level, Z_DEFAULT_STRATEGY);
        STRANDLINE_ASSERT(status == Z_OK);  // no memory, or parameters of our own that are none
    }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl() { deflateEnd(&stream); }

    Status run(int flush, Sink& out) {
        int status = Z_OK;
        do {
            set_output(stream, buffer);
            status = deflate(&stream, flush);
            const auto bytes = written(stream, buffer);
            if (!bytes.empty()) TRY(out.write(bytes));
        } while (flush == Z_FINISH ? status == Z_OK : stream.avail_out == 0);
        return {};
    }
};

DeflateStream::DeflateStream(DeflateParameters parameters)
    : impl_(std::make_unique<Impl>(parameters)) {}
DeflateStream::DeflateStream(DeflateStream&&) noexcept = default;
DeflateStream& DeflateStream::operator=(DeflateStream&&) noexcept = default;
DeflateStream::~DeflateStream() = default;

Status DeflateStream::write(ByteSpan bytes, Sink& out) {
    while (!bytes.empty()) {
        const auto piece = bytes.first(std::min(bytes.size(), max_piece));
        set_input(impl_->stream, piece);
        TRY(impl_->run(Z_NO_FLUSH, out));
        bytes = bytes.subspan(piece.size());
    }
    return {};
}

Status DeflateStream::finish(Sink& out) {
    set_input(impl_->stream, {});
    return impl_->run(Z_FINISH, out);
}

Status inflate_all(ByteSpan packed, std::uint64_t limit, Sink& out) {
    z_stream stream{};
    STRANDLINE_ASSERT(inflateInit2(&stream, raw_window_bits) == Z_OK);
    const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, inflateEnd);
    const auto buffer = std::make_unique<Buffer>();
    int status = Z_OK;
    while (status == Z_OK) {
        if (stream.avail_in == 0) {
            const auto piece = packed.first(std::min(packed.size(), max_piece));
            set_input(stream, piece);
            packed = packed.subspan(piece.size());
        }
        set_output(stream, *buffer);
        status = inflate(&stream, Z_NO_FLUSH);
        const auto bytes = written(stream, *buffer);
        if (bytes.size() > limit) return fail(Errc::corrupt, "a deflated member is too long");
        limit -= bytes.size();
        if (!bytes.empty()) TRY(out.write(bytes));
    }
    if (status != Z_STREAM_END || stream.avail_in != 0 || !packed.empty()) {
        return fail(Errc::corrupt, "a deflated member is damaged");
    }
    return {};
}

}  // namespace strandline::delta
