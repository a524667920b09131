#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/ids.h"
#include "hub/legacy/legacy_names.h"

// Titles and file names of the older platform: whatever they are, what is made of them is one part
// of a path, or a name. The input is title, version and file name, one a line.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    namespace hub = strandline::hub;
    std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto line = [&text] {
        const auto end = std::min(text.find('\n'), text.size());
        const auto out = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        return out;
    };
    const auto title = line();
    const auto version = line();
    STRANDLINE_ASSERT(strandline::check_name("package", hub::package_of_title(title)));
    for (const auto& part : {hub::document_name(title, version, text), hub::folder_name(title)}) {
        STRANDLINE_ASSERT(!part.empty() && part != "." && part != "..");
        STRANDLINE_ASSERT(part.find('/') == std::string::npos);
    }
    return 0;
}
