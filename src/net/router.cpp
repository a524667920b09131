#include "net/router.h"

#include <algorithm>
#include <optional>

namespace strandline::net {
namespace {

using Params = std::vector<std::pair<std::string, std::string>>;

/// Takes the part before the next `/` off the front.
std::string_view next_part(std::string_view& rest) {
    const auto at = std::min(rest.find('/'), rest.size());
    const auto part = rest.substr(0, at);
    rest.remove_prefix(std::min(at + 1, rest.size()));
    return part;
}

bool is_param(std::string_view part) { return part.starts_with('{') && part.ends_with('}'); }
bool is_rest(std::string_view part) { return is_param(part) && part.ends_with("...}"); }

template <class Part>
std::vector<Part> split(std::string_view path) {
    std::vector<Part> parts;
    path.remove_prefix(1);
    bool more = true;
    while (more) {
        more = path.find('/') != std::string_view::npos;
        parts.emplace_back(next_part(path));
    }
    return parts;
}

using PathParts = std::vector<std::string_view>;

/// How well a pattern fits: one character per part, smaller is more literal. Empty when it does
/// not fit.
std::optional<std::string> rank(const std::vector<std::string>& pattern, const PathParts& path) {
    std::string ranks;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        const std::string_view wanted = pattern[i];
        if (i == path.size()) return std::nullopt;
        const bool last = i + 1 == path.size();
        if (is_rest(wanted)) {
            return last && path[i].empty() ? std::nullopt : std::optional(ranks + 'c');
        }
        const bool param = is_param(wanted);
        if (param ? path[i].empty() : wanted != path[i]) return std::nullopt;
        ranks += param ? 'b' : 'a';
    }
    if (path.size() > pattern.size()) return std::nullopt;
    return ranks;
}

Params read_params(const std::vector<std::string>& pattern, const PathParts& path) {
    Params params;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        const std::string_view wanted = pattern[i];
        if (is_rest(wanted)) {
            const auto& last = path.back();
            const std::string_view rest(path[i].data(), last.data() + last.size() - path[i].data());
            params.emplace_back(wanted.substr(1, wanted.size() - 5), rest);
        } else if (is_param(wanted)) {
            params.emplace_back(wanted.substr(1, wanted.size() - 2), path[i]);
        }
    }
    return params;
}

bool serves(Method offered, Method asked) {
    return offered == asked || (asked == Method::head && offered == Method::get);
}

/// Patterns come from our own code, so a bad one is a fault of ours.
void check_pattern(std::string_view pattern) {
    STRANDLINE_ASSERT(pattern.starts_with('/'));
    auto rest = pattern.substr(1);
    while (!rest.empty()) {
        const auto part = next_part(rest);
        STRANDLINE_ASSERT(is_param(part) || part.find_first_of("{}") == std::string_view::npos);
        STRANDLINE_ASSERT(!is_rest(part) || rest.empty());
    }
}

}  // namespace

void Router::add(Method method, std::string_view pattern, Handler handler, RouteOptions options) {
    check_pattern(pattern);
    STRANDLINE_ASSERT(handler);
    routes_.push_back(std::make_unique<Route>(Route{.method = method,
                                                    .pattern = std::string(pattern),
                                                    .options = options,
                                                    .handler = std::move(handler),
                                                    .blocking = {},
                                                    .quick = {},
                                                    .parts = split<std::string>(pattern)}));
}

void Router::add_blocking(Method method, std::string_view pattern, BlockingHandler handler,
                          RouteOptions options, QuickHandler quick) {
    check_pattern(pattern);
    STRANDLINE_ASSERT(handler && !options.streaming_body);
    routes_.push_back(std::make_unique<Route>(Route{.method = method,
                                                    .pattern = std::string(pattern),
                                                    .options = options,
                                                    .handler = {},
                                                    .blocking = std::move(handler),
                                                    .quick = std::move(quick),
                                                    .parts = split<std::string>(pattern)}));
}

Result<Router::Match> Router::find(Method method, std::string_view path) const {
    if (!path.starts_with('/')) return fail(Errc::not_found, "the path must start with /");
    const auto parts = split<std::string_view>(path);
    const Route* best = nullptr;
    std::string best_rank;
    bool path_known = false;
    for (const auto& route : routes_) {
        const auto fit = rank(route->parts, parts);
        if (!fit) continue;
        path_known = true;
        if (!serves(route->method, method)) continue;
        const bool exact = best != nullptr && *fit == best_rank && route->method == method &&
                           best->method != method;
        if (best == nullptr || *fit < best_rank || exact) {
            best = route.get();
            best_rank = *fit;
        }
    }
    if (best != nullptr) return Match{best, read_params(best->parts, parts)};
    if (path_known) {
        return fail(Errc::invalid,
                    std::string(to_string(method)) + " is not allowed on " + std::string(path));
    }
    return fail(Errc::not_found, "there is nothing at " + std::string(path));
}

std::vector<Method> Router::allowed(std::string_view path) const {
    std::vector<Method> methods;
    const auto add_once = [&](Method method) {
        if (std::find(methods.begin(), methods.end(), method) == methods.end()) {
            methods.push_back(method);
        }
    };
    if (!path.starts_with('/')) return methods;
    const auto parts = split<std::string_view>(path);
    for (const auto& route : routes_) {
        if (!rank(route->parts, parts)) continue;
        add_once(route->method);
        if (route->method == Method::get) add_once(Method::head);
    }
    return methods;
}

}  // namespace strandline::net
