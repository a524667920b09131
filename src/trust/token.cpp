#include "trust/token.h"

#include <algorithm>
#include <array>
#include <fmt/core.h>

#include "base/ids.h"

namespace strandline::trust {
namespace {

constexpr std::size_t max_id = 64;
constexpr std::size_t max_secret = 128;

bool is_plain(std::string_view part, std::size_t limit) {
    return !part.empty() && part.size() <= limit &&
           std::all_of(part.begin(), part.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '_';
           });
}

}  // namespace

std::string Token::text() const { return fmt::format("{}.{}.{}.{}", kind, id, secret, ca_sha256); }

Result<Token> Token::parse(std::string_view text, std::string_view expected_kind) {
    const Error bad = fail(
        Errc::invalid, fmt::format("token: is not of the form {}.ID.SECRET.CASHA256; copy it whole",
                                   expected_kind));
    std::array<std::string_view, 4> parts;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const bool last = i + 1 == parts.size();
        const auto dot = last ? text.size() : text.find('.');
        if (dot == std::string_view::npos) return bad;
        parts[i] = text.substr(0, dot);
        text.remove_prefix(last ? dot : dot + 1);
    }
    const auto ca = Sha256Digest::from_hex(parts[3]);
    if (!is_plain(parts[0], max_id) || !is_plain(parts[1], max_id) ||
        !is_plain(parts[2], max_secret) || !ca)
        return bad;
    if (parts[0] != expected_kind) {
        const bool other = parts[0] == join_token_kind || parts[0] == operator_token_kind;
        if (!other) return bad;
        return fail(Errc::invalid, fmt::format("token: is a{} token ({}), needed is {}",
                                               parts[0] == join_token_kind ? " join" : "n operator",
                                               parts[0], expected_kind));
    }
    return Token{std::string(parts[0]), std::string(parts[1]), std::string(parts[2]),
                 std::string(parts[3])};
}

Token Token::make(std::string_view kind, std::string_view ca_sha256, Random& random) {
    const std::string prefix = kind == join_token_kind ? "join" : "op";
    return Token{std::string(kind), make_id(prefix, random), make_secret(random),
                 std::string(ca_sha256)};
}

Sha256Digest secret_hash(std::string_view secret) { return sha256(secret); }

bool secret_matches(std::string_view secret, const Sha256Digest& stored) {
    return equal_constant_time(secret_hash(secret).bytes, stored.bytes);
}

}  // namespace strandline::trust
