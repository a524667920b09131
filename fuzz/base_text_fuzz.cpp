#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/utf8.h"

// What is shown is plain, plain text is shown as it is, and names and paths are plain.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto shown = strandline::printable(text);
    STRANDLINE_ASSERT(strandline::is_plain_text(shown));
    STRANDLINE_ASSERT(strandline::is_plain_text(text) == (shown == text));
    STRANDLINE_ASSERT(strandline::is_plain_text(strandline::printable(text, "\n"), "\n"));
    STRANDLINE_ASSERT(strandline::is_utf8(strandline::clean_text(text, size / 2)));
    const auto path = strandline::check_bundle_path(text);
    STRANDLINE_ASSERT(!path || strandline::is_plain_text(text));
    const auto parts = "/" + std::string(text) + "/";
    STRANDLINE_ASSERT(!path || (text.front() != '/' && parts.find("/../") == std::string::npos));
    const auto name = strandline::check_name("name", text);
    STRANDLINE_ASSERT(!name || text.find_first_of("/+#%$ ") == std::string_view::npos);
    STRANDLINE_ASSERT(name || strandline::is_plain_text(name.error().message));
    return 0;
}
