#include <cstddef>
#include <cstdint>
#include <string_view>

#include "trust/keyset.h"

// Whatever is accepted must survive being written and read again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto read = strandline::trust::keyset_from_json(text);
    if (!read) return 0;
    const auto again = strandline::trust::keyset_from_json(strandline::trust::to_json(*read));
    STRANDLINE_ASSERT(again.has_value() && *again == *read);
    return 0;
}
