#include "hub/api/api_json.h"

#include <charconv>
#include <fmt/core.h>

namespace strandline::hub {

Result<boost::json::value> read_body(const net::Request& request, std::string_view what) {
    if (request.body.empty()) return boost::json::value(boost::json::object{});
    return parse_json(request.body, what);
}

net::Response json_answer(int status, const boost::json::value& value) {
    return net::json_response(status, write_json(value));
}

net::Response no_content() {
    constexpr int status = 204;
    net::Response response;
    response.status = status;
    return response;
}

Result<registry::PageRequest> page_of(const net::Request& request) {
    registry::PageRequest page;
    if (const auto text = request.query_value("limit")) {
        const auto* end = text->data() + text->size();
        const auto [rest, error] = std::from_chars(text->data(), end, page.limit);
        if (error != std::errc{} || rest != end || page.limit < 1 ||
            page.limit > registry::max_page_limit) {
            return fail(Errc::invalid,
                        fmt::format("limit: must be from 1 to {}", registry::max_page_limit));
        }
    }
    page.cursor = request.query_value("cursor").value_or("");
    return page;
}

net::Response list_answer(boost::json::array items, const std::optional<std::string>& next) {
    constexpr int ok = 200;
    boost::json::object out;
    out["items"] = std::move(items);
    out["next"] = next ? boost::json::value(*next) : boost::json::value(nullptr);
    return json_answer(ok, out);
}

boost::json::object map_value(const TextMap& map) {
    boost::json::object out;
    for (const auto& [key, value] : map) out[key] = value;
    return out;
}

TextMap read_map(JsonReader& in, std::string_view key) {
    TextMap map;
    for (const auto& [name, value] : in.object(key)) {
        if (const auto* text = value.if_string()) {
            map.emplace(std::string_view(name), std::string_view(*text));
        } else {
            in.reject(key, "must be an object of texts");
        }
    }
    return map;
}

std::vector<std::string> read_texts(JsonReader& in, std::string_view key) {
    std::vector<std::string> out;
    for (const auto& value : in.array(key)) {
        if (const auto* text = value.if_string()) {
            out.emplace_back(std::string_view(*text));
        } else {
            in.reject(key, "must be a list of texts");
        }
    }
    return out;
}

const boost::json::value* read_object(JsonReader& in, std::string_view key) {
    const auto* value = in.find(key);
    if (value == nullptr || value->is_null()) return nullptr;
    if (!value->is_object()) {
        in.reject(key, "must be an object");
        return nullptr;
    }
    return value;
}

boost::json::value time_value(WallTime time) { return boost::json::value(to_rfc3339(time)); }

boost::json::value time_value(const std::optional<WallTime>& time) {
    return time ? time_value(*time) : boost::json::value(nullptr);
}

boost::json::value text_or_null(const std::string& text) {
    return text.empty() ? boost::json::value(nullptr) : boost::json::value(text);
}

Result<boost::json::value> stored_json(std::string_view text, std::string_view what) {
    auto value = parse_json(text, what);
    if (!value) return fail(Errc::internal, value.error().message);
    return value;
}

}  // namespace strandline::hub
