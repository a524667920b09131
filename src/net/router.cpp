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

using PathParts = std::vector<std::string_view>;
using Part = Router::Route::Part;

PathParts split(std::string_view path) {
    PathParts parts;
    path.remove_prefix(1);
    bool more = true;
    while (more) {
        more = path.find('/') != std::string_view::npos;
        parts.emplace_back(next_part(path));
    }
    return parts;
}

std::vector<Part> parse_pattern(std::string_view pattern) {
    std::vector<Part> parts;
    for (const auto text : split(pattern)) {
        if (is_rest(text)) {
            parts.push_back({Part::Kind::rest, std::string(text.substr(1, text.size() - 5))});
        } else if (is_param(text)) {
            parts.push_back({Part::Kind::parameter, std::string(text.substr(1, text.size() - 2))});
        } else {
            parts.push_back({Part::Kind::literal, std::string(text)});
        }
    }
    return parts;
}

/// How well a pattern fits: one character per part, smaller is more literal. Empty when it does
/// not fit.
std::optional<std::string> rank(const std::vector<Part>& pattern, const PathParts& path) {
    std::string ranks;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        const auto& wanted = pattern[i];
        if (i == path.size()) return std::nullopt;
        const bool last = i + 1 == path.size();
        if (wanted.kind == Part::Kind::rest) {
            return last && path[i].empty() ? std::nullopt : std::optional(ranks + 'c');
        }
        const bool literal = wanted.kind == Part::Kind::literal;
        if (literal ? wanted.text != path[i] : path[i].empty()) return std::nullopt;
        ranks += literal ? 'a' : 'b';
    }
    if (path.size() > pattern.size()) return std::nullopt;
    return ranks;
}

Params read_params(const std::vector<Part>& pattern, const PathParts& path) {
    Params params;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        const auto& wanted = pattern[i];
        if (wanted.kind == Part::Kind::rest) {
            const auto& last = path.back();
            const std::string_view rest(path[i].data(), last.data() + last.size() - path[i].data());
            params.emplace_back(wanted.text, rest);
        } else if (wanted.kind == Part::Kind::parameter) {
            params.emplace_back(wanted.text, path[i]);
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
    keep(Route{.method = method,
               .pattern = std::string(pattern),
               .options = std::move(options),
               .handler = std::move(handler),
               .blocking = {},
               .quick = {},
               .parts = parse_pattern(pattern)});
}

void Router::add_blocking(Method method, std::string_view pattern, BlockingHandler handler,
                          RouteOptions options, QuickHandler quick) {
    check_pattern(pattern);
    STRANDLINE_ASSERT(handler && !options.streaming_body);
    keep(Route{.method = method,
               .pattern = std::string(pattern),
               .options = std::move(options),
               .handler = {},
               .blocking = std::move(handler),
               .quick = std::move(quick),
               .parts = parse_pattern(pattern)});
}

void Router::keep(Route route) {
    const auto& kept = routes_.emplace_back(std::make_unique<Route>(std::move(route)));
    const bool literal = std::all_of(kept->parts.begin(), kept->parts.end(), [](const auto& part) {
        return part.kind == Part::Kind::literal;
    });
    if (literal) literal_[kept->pattern].push_back(kept.get());
}

/// A pattern without parameters fits no path better or worse than its own.
const Router::Route* Router::find_literal(Method method, std::string_view path) const {
    const auto found = literal_.find(path);
    if (found == literal_.end()) return nullptr;
    const Route* best = nullptr;
    for (const auto* route : found->second) {
        if (route->method == method) return route;
        if (serves(route->method, method)) best = route;
    }
    return best;
}

Result<Router::Match> Router::find(Method method, std::string_view path) const {
    if (!path.starts_with('/')) return fail(Errc::not_found, "the path must start with /");
    if (const auto* literal = find_literal(method, path)) return Match{literal, {}};
    const auto parts = split(path);
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
    const auto parts = split(path);
    for (const auto& route : routes_) {
        if (!rank(route->parts, parts)) continue;
        add_once(route->method);
        if (route->method == Method::get) add_once(Method::head);
    }
    return methods;
}

}  // namespace strandline::net
