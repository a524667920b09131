#include <algorithm>
#include <charconv>
#include <fmt/core.h>

#include "net/http_client.h"

namespace strandline::net {
namespace {

Error bad_url(std::string_view text, std::string_view problem) {
    // The query may hold what is nobody else's business.
    const auto shown = text.substr(0, std::min(text.find('?'), std::size_t{200}));
    return fail(Errc::invalid, fmt::format("URL {}: {}", shown, problem));
}

bool is_clean(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

bool is_host_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
           c == ':';
}

/// Takes the host off the front of an authority: a name, an IPv4 address, or `[IPv6]`.
std::string_view take_host(std::string_view& authority) {
    const bool bracketed = authority.starts_with('[');
    const auto end = bracketed ? authority.find(']') : authority.find(':');
    const auto host = authority.substr(bracketed ? 1 : 0, bracketed ? end - 1 : end);
    if (bracketed && end == std::string_view::npos) return {};
    authority.remove_prefix(std::min(bracketed ? end + 1 : end, authority.size()));
    return host;
}

}  // namespace

Result<Url> Url::parse(std::string_view text) {
    Url url;
    const auto scheme_end = text.find("://");
    const auto scheme = text.substr(0, scheme_end);
    url.tls = equals_ignoring_case(scheme, "https");
    if (scheme_end == std::string_view::npos ||
        (!url.tls && !equals_ignoring_case(scheme, "http"))) {
        return bad_url(text, "it must start with http:// or https://");
    }
    if (!is_clean(text)) return bad_url(text, "it holds characters that must be percent-encoded");
    auto rest = text.substr(scheme_end + 3);
    rest = rest.substr(0, rest.find('#'));
    const auto authority_end = std::min(rest.find_first_of("/?"), rest.size());
    auto authority = rest.substr(0, authority_end);
    const auto target = rest.substr(authority_end);
    if (authority.find('@') != std::string_view::npos) {
        return bad_url("(with user)", "a user or password in the URL is not supported");
    }
    const auto host = take_host(authority);
    std::transform(host.begin(), host.end(), std::back_inserter(url.host), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    if (url.host.empty() || !std::all_of(url.host.begin(), url.host.end(), is_host_char)) {
        return bad_url(text, "the host is missing or malformed");
    }
    url.port = url.tls ? 443 : 80;
    if (authority.starts_with(':') && authority.size() > 1) {
        const char* const last = authority.data() + authority.size();
        const auto [end, failed] = std::from_chars(authority.data() + 1, last, url.port);
        if (failed != std::errc{} || end != last || url.port == 0) {
            return bad_url(text, "the port must be a number from 1 to 65535");
        }
    } else if (!authority.empty()) {
        return bad_url(text, "the port is malformed");
    }
    url.target = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
    return url;
}

std::string Url::origin() const {
    const bool v6 = host.find(':') != std::string::npos;
    const bool usual = port == (tls ? 443 : 80);
    return fmt::format("{}://{}{}{}{}", tls ? "https" : "http", v6 ? "[" : "", host, v6 ? "]" : "",
                       usual ? std::string() : fmt::format(":{}", port));
}

}  // namespace strandline::net
