#include <cstddef>
#include <cstdint>
#include <string_view>

#include "gateway/content_coding.h"

// Decoding must stay within its limit, and what was decoded must survive being coded again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using strandline::gateway::ContentCoding;
    constexpr std::size_t limit = 64 * 1024;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    for (const auto coding : {ContentCoding::gzip, ContentCoding::deflate}) {
        const auto plain = strandline::gateway::decode_content(coding, bytes, limit);
        if (!plain) continue;
        STRANDLINE_ASSERT(plain->size() <= limit);
        const auto coded = strandline::gateway::encode_content(coding, *plain);
        STRANDLINE_ASSERT(coded &&
                          strandline::gateway::decode_content(coding, *coded, limit) == *plain);
    }
    static_cast<void>(strandline::gateway::choose_coding(bytes));
    return 0;
}
