#include <algorithm>
#include <fmt/core.h>

#include "base/json.h"
#include "base/utf8.h"
#include "net/http_client.h"
#include "net/http_date.h"

namespace strandline::net {
namespace {

constexpr std::size_t max_shown_bytes = 300;
// Of an answer: parts of requests may stand in it.
constexpr std::size_t max_message_bytes = 2000;

/// `{"error":{"code","message"}}` of the catalogue, if the body is that.
std::optional<Error> catalogue_error(const std::string& body) {
    const auto json = parse_json(body, "error answer");
    if (!json || !json->is_object()) return std::nullopt;
    const auto* const inner = json->as_object().if_contains("error");
    if (inner == nullptr || !inner->is_object()) return std::nullopt;
    const auto* const code = inner->as_object().if_contains("code");
    const auto* const message = inner->as_object().if_contains("message");
    if (code == nullptr || !code->is_string()) return std::nullopt;
    const auto known = errc_from_name(std::string_view(code->as_string()));
    if (!known) return std::nullopt;
    std::string text;
    if (message != nullptr && message->is_string()) text = std::string(message->as_string());
    return fail(*known, std::move(text));
}

}  // namespace

Response error_response(const Error& error) {
    boost::json::object inner;
    inner["code"] = info(error.code).name;
    inner["message"] = clean_text(error.message, max_message_bytes);
    boost::json::object outer;
    outer["error"] = std::move(inner);
    auto response = json_response(info(error.code).http_status, write_json(outer));
    if (error.retry_after) {
        const auto seconds = std::chrono::ceil<std::chrono::seconds>(*error.retry_after);
        response.headers.add("Retry-After",
                             std::to_string(std::max<long long>(seconds.count(), 0)));
    }
    return response;
}

std::optional<std::chrono::milliseconds> retry_after(const ClientResponse& response) {
    const auto field = response.headers.find("Retry-After");
    if (!field) return std::nullopt;
    const auto date = response.headers.find("Date");
    const auto now = date ? from_http_date(*date) : std::nullopt;
    return parse_retry_after(*field, now.value_or(system_clock().wall()));
}

Error to_error(const ClientResponse& response, std::string_view what) {
    if (response.status / 100 == 3) {
        return fail(Errc::corrupt, fmt::format("{}: status {}, a redirect, which is not followed",
                                               what, response.status));
    }
    auto error = catalogue_error(response.body);
    if (!error) {
        error = fail(
            errc_from_http_status(response.status),
            fmt::format("status {} {}", response.status, response.body.substr(0, max_shown_bytes)));
    }
    error->retry_after = retry_after(response);
    return context(what, *std::move(error));
}

}  // namespace strandline::net
