#include <cstddef>
#include <cstdint>
#include <string_view>

#include "fleet/selector.h"

// "to" of a deployment, as the database keeps it and requests bring it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    namespace fleet = strandline::fleet;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    auto selector = fleet::selector_from_json(text);
    if (!selector) return 0;
    const auto checked = fleet::check_selector(*selector);
    if (!checked) return 0;
    const auto again = fleet::selector_from_json(fleet::to_json(*checked));
    STRANDLINE_ASSERT(again && fleet::to_json(*again) == fleet::to_json(*checked));
    return 0;
}
