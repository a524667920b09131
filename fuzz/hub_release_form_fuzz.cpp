#include <cstddef>
#include <cstdint>
#include <string_view>

#include "hub/api/release_form.h"

// The JSON that describes a release to be made.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto request = strandline::hub::release_request_from_json(text, "release");
    if (request) return 0;
    STRANDLINE_ASSERT(!request.error().message.empty());
    return 0;
}
