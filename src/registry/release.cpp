#include "registry/release.h"

#include <fmt/core.h>

#include "base/ids.h"
#include "policy/version.h"

namespace strandline::registry {

Result<Triple> check_triple(Triple triple) {
    if (triple.variant.empty()) triple.variant = "default";
    TRY(check_name("package", triple.package));
    TRY(check_name("variant", triple.variant));
    TRY(const auto version, policy::Version::parse(triple.version));
    triple.version = version.text();
    return triple;
}

Result<Triple> parse_triple(std::string_view text) {
    const auto at = text.find('@');
    if (at == std::string_view::npos) {
        return fail(Errc::invalid,
                    fmt::format("release \"{}\": write PACKAGE@VERSION or PACKAGE@VERSION:VARIANT",
                                text.substr(0, 200)));
    }
    Triple triple;
    triple.package = text.substr(0, at);
    const auto rest = text.substr(at + 1);
    const auto colon = rest.find(':');
    triple.version = rest.substr(0, colon);
    if (colon != std::string_view::npos) {
        TRY(check_name("variant", rest.substr(colon + 1)));
        triple.variant = rest.substr(colon + 1);
    }
    return check_triple(std::move(triple));
}

std::string to_string(const Triple& triple) {
    return fmt::format("{}@{}:{}", triple.package, triple.version, triple.variant);
}

}  // namespace strandline::registry
