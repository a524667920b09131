#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace strandline::policy {

/// A semantic version (semver.org 2.0.0). Build metadata is kept and does not order.
struct Version {
    std::uint64_t major = 0;
    std::uint64_t minor = 0;
    std::uint64_t patch = 0;
    std::vector<std::string> prerelease;
    std::string build;

    /// `MAJOR.MINOR.PATCH[-PRE][+BUILD]`. For the sake of older systems a leading `v`, missing
    /// parts and leading zeros are accepted too: "01" is 1.0.0. At most 128 characters.
    [[nodiscard]] static Result<Version> parse(std::string_view text);
    /// Canonical form.
    [[nodiscard]] std::string text() const;
    [[nodiscard]] bool is_prerelease() const { return !prerelease.empty(); }

    /// Precedence (semver.org section 11): equal precedence compares equal.
    friend std::weak_ordering operator<=>(const Version& a, const Version& b);
    friend bool operator==(const Version& a, const Version& b) { return std::is_eq(a <=> b); }
};

}  // namespace strandline::policy
