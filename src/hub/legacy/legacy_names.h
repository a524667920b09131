#pragma once

#include <string>
#include <string_view>

namespace strandline::hub {

/// A package name for a model title of the older platform: lower case, other characters become `-`;
/// "model" when nothing is left.
[[nodiscard]] std::string package_of_title(std::string_view title);

/// The name under which a document is kept and served: `<title>-<version>.<ext>` (specs S0-8). The
/// extension is what follows the last dot. Slashes and control characters become `_`.
[[nodiscard]] std::string document_name(std::string_view title, std::string_view version,
                                        std::string_view original);

/// The same cleaning for the folder in the URL.
[[nodiscard]] std::string folder_name(std::string_view title);

}  // namespace strandline::hub
