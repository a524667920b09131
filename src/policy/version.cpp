#include "policy/version.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/core.h>
#include <optional>
#include <tuple>

namespace strandline::policy {
namespace {

constexpr std::size_t text_limit = 128;

bool is_digits(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_identifier(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '-';
    });
}

std::optional<std::uint64_t> number(std::string_view text) {
    if (!is_digits(text)) return std::nullopt;
    std::uint64_t value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (parsed.ec != std::errc{}) return std::nullopt;
    return value;
}

std::vector<std::string_view> split(std::string_view text) {
    std::vector<std::string_view> parts;
    for (;;) {
        const auto dot = text.find('.');
        parts.push_back(text.substr(0, dot));
        if (dot == std::string_view::npos) return parts;
        text.remove_prefix(dot + 1);
    }
}

// Dot-separated identifiers, section 9 and 10; numeric ones of a pre-release lose leading zeros.
bool read_identifiers(std::string_view text, std::vector<std::string>& out) {
    for (auto part : split(text)) {
        if (!is_identifier(part)) return false;
        if (is_digits(part)) {
            part.remove_prefix(std::min(part.find_first_not_of('0'), part.size() - 1));
        }
        out.emplace_back(part);
    }
    return true;
}

bool read_core(std::string_view core, Version& version) {
    const auto parts = split(core);
    const std::array<std::uint64_t*, 3> fields{&version.major, &version.minor, &version.patch};
    if (parts.size() > fields.size()) return false;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const auto value = number(parts[i]);
        if (!value) return false;
        *fields[i] = *value;
    }
    return true;
}

// Numeric identifiers of any length: without leading zeros the longer one is the greater.
std::weak_ordering compare_identifiers(std::string_view a, std::string_view b) {
    const bool numeric_a = is_digits(a);
    const bool numeric_b = is_digits(b);
    if (numeric_a != numeric_b) {
        return numeric_a ? std::weak_ordering::less : std::weak_ordering::greater;
    }
    if (numeric_a && a.size() != b.size()) return a.size() <=> b.size();
    return a <=> b;
}

}  // namespace

Result<Version> Version::parse(std::string_view text) {
    const auto bad = [&] {
        return fail(Errc::invalid, fmt::format("version \"{}\": write MAJOR.MINOR.PATCH, such as "
                                               "1.2.0 or 1.2.0-rc.1",
                                               text.substr(0, text_limit)));
    };
    if (text.empty() || text.size() > text_limit) return bad();
    std::string_view rest = text;
    if (rest.front() == 'v' || rest.front() == 'V') rest.remove_prefix(1);

    Version version;
    if (const auto plus = rest.find('+'); plus != std::string_view::npos) {
        const auto build = rest.substr(plus + 1);
        const auto parts = split(build);
        if (!std::all_of(parts.begin(), parts.end(), is_identifier)) return bad();
        version.build = build;
        rest = rest.substr(0, plus);
    }
    if (const auto dash = rest.find('-'); dash != std::string_view::npos) {
        if (!read_identifiers(rest.substr(dash + 1), version.prerelease)) return bad();
        rest = rest.substr(0, dash);
    }
    if (!read_core(rest, version)) return bad();
    return version;
}

std::string Version::text() const {
    std::string out = fmt::format("{}.{}.{}", major, minor, patch);
    char separator = '-';
    for (const auto& identifier : prerelease) {
        out += separator;
        out += identifier;
        separator = '.';
    }
    if (!build.empty()) out += "+" + build;
    return out;
}

std::weak_ordering operator<=>(const Version& a, const Version& b) {
    const auto core = std::tie(a.major, a.minor, a.patch) <=> std::tie(b.major, b.minor, b.patch);
    if (std::is_neq(core)) return core;
    // Section 11.3: without a pre-release ranks above with one.
    if (a.is_prerelease() != b.is_prerelease()) {
        return a.is_prerelease() ? std::weak_ordering::less : std::weak_ordering::greater;
    }
    const std::size_t common = std::min(a.prerelease.size(), b.prerelease.size());
    for (std::size_t i = 0; i < common; ++i) {
        const auto order = compare_identifiers(a.prerelease[i], b.prerelease[i]);
        if (std::is_neq(order)) return order;
    }
    return a.prerelease.size() <=> b.prerelease.size();
}

}  // namespace strandline::policy
