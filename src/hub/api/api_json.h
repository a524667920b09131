#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/json.h"
#include "hub/api/auth.h"
#include "net/http_message.h"
#include "registry/page.h"

// Included by *_api.cpp and *_json.cpp only.
namespace strandline::hub {

/// The request's body as JSON. An empty body reads as an empty object.
[[nodiscard]] Result<boost::json::value> read_body(const net::Request& request,
                                                   std::string_view what);

[[nodiscard]] net::Response json_answer(int status, const boost::json::value& value);
[[nodiscard]] net::Response no_content();

/// `?limit=` and `?cursor=`.
[[nodiscard]] Result<registry::PageRequest> page_of(const net::Request& request);

/// `{"items":[...],"next":cursor or null}`
[[nodiscard]] net::Response list_answer(boost::json::array items,
                                        const std::optional<std::string>& next);

template <class T, class Convert>
[[nodiscard]] net::Response page_answer(const registry::Page<T>& page, Convert convert) {
    boost::json::array items;
    items.reserve(page.items.size());
    for (const auto& item : page.items) items.emplace_back(convert(item));
    return list_answer(std::move(items), page.next);
}

/// The handler of a list without filters: a page of `store`, each item shown by `convert`. `store`
/// outlives the server.
template <class Store, class Convert>
[[nodiscard]] auto list_handler(const Store& store, Convert convert) {
    return [&store, convert](const net::Request& request, const Caller&) -> Result<net::Response> {
        TRY(const auto page, page_of(request));
        TRY(const auto items, store.list(page));
        return page_answer(items, convert);
    };
}

using TextMap = std::map<std::string, std::string>;

[[nodiscard]] boost::json::object map_value(const TextMap& map);
/// Reads an object of texts; missing is empty.
[[nodiscard]] TextMap read_map(JsonReader& in, std::string_view key);
[[nodiscard]] std::vector<std::string> read_texts(JsonReader& in, std::string_view key);
/// An object under `key` as a value to read; null when missing.
[[nodiscard]] const boost::json::value* read_object(JsonReader& in, std::string_view key);

[[nodiscard]] boost::json::value time_value(WallTime time);
[[nodiscard]] boost::json::value time_value(const std::optional<WallTime>& time);
/// Text, or null when empty.
[[nodiscard]] boost::json::value text_or_null(const std::string& text);
/// JSON numbers are signed 64 bit here; sizes never come near the end of that.
[[nodiscard]] inline std::int64_t number(std::uint64_t value) {
    return static_cast<std::int64_t>(value);
}
/// JSON text that this program wrote itself, such as a stored envelope.
[[nodiscard]] Result<boost::json::value> stored_json(std::string_view text, std::string_view what);

}  // namespace strandline::hub
