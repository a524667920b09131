#pragma once

#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"

namespace strandline {

/// A new id: `prefix-` and 20 characters of [0-9a-v] (100 random bits).
[[nodiscard]] std::string make_id(std::string_view prefix, Random& random = system_random());

/// A secret of 256 random bits in 52 characters of [0-9a-v].
[[nodiscard]] std::string make_secret(Random& random = system_random());

/// Checks a name that a person chose and that becomes part of topics, paths and URLs: 1 to 64
/// characters of a-z, A-Z, 0-9, `.`, `_`, `-`, first one a letter or digit, no `..`.
/// `what` names the field in the error.
[[nodiscard]] Status check_name(std::string_view what, std::string_view name);

/// Checks a path inside a bundle: relative, `/` between parts, no empty, `.` or `..` part, no
/// control character or backslash, at most 255 bytes.
[[nodiscard]] Status check_bundle_path(std::string_view path);

}  // namespace strandline
