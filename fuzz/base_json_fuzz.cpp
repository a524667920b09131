#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/json.h"
#include "base/utf8.h"

// What is accepted must be written and read again, and be the same whether it is shown or not. (A
// number may change in its last digit: the library does not round exactly.)
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto value = strandline::parse_json(text, "fuzz");
    if (!value) return 0;
    const auto written = strandline::write_json(*value);
    STRANDLINE_ASSERT(strandline::is_utf8(written));
    const auto again = strandline::parse_json(written, "fuzz");
    STRANDLINE_ASSERT(again.has_value());
    const auto shown = strandline::printable_json(written);
    STRANDLINE_ASSERT(strandline::is_plain_text(shown));
    const auto seen = strandline::parse_json(shown, "fuzz");
    STRANDLINE_ASSERT(seen && *seen == *again);
    return 0;
}
