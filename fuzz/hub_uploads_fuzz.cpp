#include <cstddef>
#include <cstdint>
#include <string_view>

#include "hub/transfer/byte_range.h"
#include "hub/transfer/upload_metadata.h"

// The headers of uploads and downloads that this program reads itself.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    strandline::registry::UploadRequest wanted;
    strandline::ignore(strandline::hub::read_upload_metadata(text, wanted), "must only not crash");
    for (const std::uint64_t length : {0UL, 1UL, 1000UL, ~0UL}) {
        STRANDLINE_ASSERT(strandline::hub::requested_bytes(text, length) <= length);
    }
    return 0;
}
