#pragma once

#include <string>

#include "base/result.h"

namespace strandline::cli {

/// The hub a person is logged in to; kept in a file of mode 0600.
struct Profile {
    std::string url;  ///< scheme, host and port alone
    std::string token;
    std::string ca_pem;
};

/// $XDG_CONFIG_HOME/strandline/profile.json, or below ~/.config.
[[nodiscard]] std::string default_profile_path();

/// The stored profile; the variables STRANDLINE_HUB, STRANDLINE_TOKEN and STRANDLINE_CA (a PEM
/// file) take precedence. `unauthenticated` with the fix when there is none.
[[nodiscard]] Result<Profile> load_profile(const std::string& path);
[[nodiscard]] Status save_profile(const std::string& path, const Profile& profile);

/// A secret given as an option: the text itself, `@FILE`, or `-` for standard input, so that it
/// need not stand in the process list.
[[nodiscard]] Result<std::string> read_secret(const std::string& text);

}  // namespace strandline::cli
