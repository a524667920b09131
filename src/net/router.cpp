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

/// How well a pattern fits: one character per part, smaller is more literal. Empty when it does
/// not fit.
std::optional<std::string> rank(std::string_view pattern, std::string_view path) {
    std::string ranks;
    pattern.remove_prefix(1);
    path.remove_prefix(1);
    bool path_left = true;
    for (bool more = true; more;) {
        more = pattern.find('/') != std::string_view::npos;
        const auto wanted = next_part(pattern);
        if (!path_left) return std::nullopt;
        if (is_rest(wanted)) return path.empty() ? std::nullopt : std::optional(ranks + 'c');
        path_left = path.find('/') != std::string_view::npos;
        const auto part = next_part(path);
        if (is_param(wanted) && part.empty()) return std::nullopt;
        if (!is_param(wanted) && wanted != part) return std::nullopt;
        ranks += is_param(wanted) ? 'b' : 'a';
    }
    if (path_left) return std::nullopt;
    return ranks;
}

Params read_params(std::string_view pattern, std::string_view path) {
    Params params;
    pattern.remove_prefix(1);
    path.remove_prefix(1);
    while (!pattern.empty()) {
        const auto wanted = next_part(pattern);
        if (is_rest(wanted)) {
            params.emplace_back(wanted.substr(1, wanted.size() - 5), path);
            break;
        }
        const auto part = next_part(path);
        if (is_param(wanted)) params.emplace_back(wanted.substr(1, wanted.size() - 2), part);
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
    routes_.push_back(std::make_unique<Route>(
        Route{method, std::string(pattern), options, std::move(handler), {}}));
}

void Router::add_blocking(Method method, std::string_view pattern, BlockingHandler handler,
                          RouteOptions options) {
    check_pattern(pattern);
    STRANDLINE_ASSERT(handler && !options.streaming_body);
    routes_.push_back(std::make_unique<Route>(
        Route{method, std::string(pattern), options, {}, std::move(handler)}));
}

Result<Router::Match> Router::find(Method method, std::string_view path) const {
    if (!path.starts_with('/')) return fail(Errc::not_found, "the path must start with /");
    const Route* best = nullptr;
    std::string best_rank;
    bool path_known = false;
    for (const auto& route : routes_) {
        const auto fit = rank(route->pattern, path);
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
    if (best != nullptr) return Match{best, read_params(best->pattern, path)};
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
    for (const auto& route : routes_) {
        if (!rank(route->pattern, path)) continue;
        add_once(route->method);
        if (route->method == Method::get) add_once(Method::head);
    }
    return methods;
}

}  // namespace strandline::net
