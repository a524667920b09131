#include "gateway/content_coding.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <limits>
#include <zlib.h>

namespace strandline::gateway {
namespace {

constexpr int window_bits = 15;
constexpr int gzip_flag = 16;
constexpr int memory_level = 8;
constexpr std::size_t first_chunk = std::size_t{64} * 1024;

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, [](char x, char y) {
        const auto lower = [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        };
        return lower(x) == lower(y);
    });
}

/// Quality of one Accept-Encoding member, 0 when it is malformed.
double quality(std::string_view parameters) {
    const auto text = trim(parameters);
    if (text.empty()) return 1.0;
    if (!text.starts_with("q=") && !text.starts_with("Q=")) return 0.0;
    double value = 0.0;
    const auto number = text.substr(2);
    const auto [end, problem] =
        std::from_chars(number.data(), number.data() + number.size(), value);
    if (problem != std::errc{} || end != number.data() + number.size()) return 0.0;
    return value >= 0.0 && value <= 1.0 ? value : 0.0;
}

// zlib counts in unsigned int and takes the input as mutable without writing to it.
void set_input(z_stream& stream, std::string_view bytes) {
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
}

class Inflater {
public:
    explicit Inflater(int bits) : ready_(inflateInit2(&stream_, bits) == Z_OK) {}
    ~Inflater() {
        if (ready_) inflateEnd(&stream_);
    }
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;

    Result<std::string> run(std::string_view bytes, std::size_t max_bytes, bool many_members) {
        if (!ready_) return fail(Errc::exhausted, "no memory for decompression");
        set_input(stream_, bytes);
        std::string out;
        while (true) {
            TRY(const int state, step(out, max_bytes));
            if (state != Z_STREAM_END) continue;
            if (stream_.avail_in == 0) return out;
            if (!many_members)
                return fail(Errc::invalid, "there are bytes behind the compressed body");
            if (inflateReset(&stream_) != Z_OK)
                return fail(Errc::internal, "zlib refused to start again");
        }
    }

private:
    /// Makes room and lets zlib fill it.
    Result<int> step(std::string& out, std::size_t max_bytes) {
        const auto used = out.size();
        // One byte beyond the limit tells a body of exactly that size from a longer one.
        const auto room = std::min(std::max(used, first_chunk), max_bytes + 1 - used);
        out.resize(used + room);
        stream_.next_out = reinterpret_cast<Bytef*>(out.data() + used);
        stream_.avail_out = static_cast<uInt>(room);
        const int state = inflate(&stream_, Z_NO_FLUSH);
        out.resize(used + room - stream_.avail_out);
        if (out.size() > max_bytes) {
            return fail(Errc::invalid,
                        fmt::format("the body decompresses to more than {} bytes", max_bytes));
        }
        if (state == Z_STREAM_END) return state;
        const bool starved = stream_.avail_in == 0 && stream_.avail_out > 0;
        if (state == Z_OK && !starved) return state;
        return fail(Errc::invalid, starved ? "the compressed body ends too early"
                                           : "the compressed body is damaged");
    }

    z_stream stream_{};
    bool ready_;
};

bool has_zlib_header(std::string_view bytes) {
    if (bytes.size() < 2) return false;
    const auto method = static_cast<unsigned char>(bytes[0]);
    const auto flags = static_cast<unsigned char>(bytes[1]);
    return (method & 0x0fU) == Z_DEFLATED && (method * 256U + flags) % 31U == 0;  // RFC 1950, 2.2
}

}  // namespace

std::string_view to_string(ContentCoding coding) {
    switch (coding) {
        case ContentCoding::gzip:
            return "gzip";
        case ContentCoding::deflate:
            return "deflate";
        case ContentCoding::identity:
            break;
    }
    return "identity";
}

Result<ContentCoding> parse_content_encoding(std::string_view field) {
    const auto name = trim(field);
    if (name.empty() || equal_ignoring_case(name, "identity")) return ContentCoding::identity;
    if (equal_ignoring_case(name, "gzip") || equal_ignoring_case(name, "x-gzip"))
        return ContentCoding::gzip;
    if (equal_ignoring_case(name, "deflate")) return ContentCoding::deflate;
    return fail(Errc::invalid, "the Content-Encoding is not supported; use gzip, deflate or none");
}

ContentCoding choose_coding(std::string_view accept_encoding) {
    auto best = ContentCoding::identity;
    double best_quality = 0.0;
    while (!accept_encoding.empty()) {
        const auto comma = std::min(accept_encoding.find(','), accept_encoding.size());
        const auto member = accept_encoding.substr(0, comma);
        accept_encoding.remove_prefix(std::min(comma + 1, accept_encoding.size()));
        const auto semicolon = std::min(member.find(';'), member.size());
        const auto coding = parse_content_encoding(member.substr(0, semicolon));
        if (!coding || trim(member.substr(0, semicolon)).empty()) continue;
        const double weight = quality(member.substr(std::min(semicolon + 1, member.size())));
        if (weight > best_quality) {
            best = *coding;
            best_quality = weight;
        }
    }
    return best;
}

Result<std::string> decode_content(ContentCoding coding, std::string_view bytes,
                                   std::size_t max_bytes) {
    if (bytes.size() > std::numeric_limits<uInt>::max() ||
        max_bytes >= std::numeric_limits<uInt>::max()) {
        return fail(Errc::invalid, "bodies of 4 GiB are not decompressed");
    }
    switch (coding) {
        case ContentCoding::gzip:
            return Inflater(window_bits + gzip_flag).run(bytes, max_bytes, true);
        case ContentCoding::deflate:
            // Some clients send the bare format; RFC 9110 section 8.4.1.2 notes it.
            return Inflater(has_zlib_header(bytes) ? window_bits : -window_bits)
                .run(bytes, max_bytes, false);
        case ContentCoding::identity:
            break;
    }
    if (bytes.size() > max_bytes) {
        return fail(Errc::invalid, fmt::format("the body has more than {} bytes", max_bytes));
    }
    return std::string(bytes);
}

Result<std::string> encode_content(ContentCoding coding, std::string_view bytes) {
    if (coding == ContentCoding::identity) return std::string(bytes);
    if (bytes.size() > std::numeric_limits<uInt>::max() / 2) {
        return fail(Errc::invalid,
                    "the answer is too large to compress; ask for it without coding");
    }
    z_stream stream{};
    const int bits = coding == ContentCoding::gzip ? window_bits + gzip_flag : window_bits;
    if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, bits, memory_level, Z_DEFAULT_STRATEGY) !=
        Z_OK) {
        return fail(Errc::exhausted, "no memory for compression");
    }
    std::string out(deflateBound(&stream, bytes.size()), '\0');
    set_input(stream, bytes);
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    const int state = deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    if (state != Z_STREAM_END) return fail(Errc::internal, "zlib did not finish");
    return out;
}

}  // namespace strandline::gateway
