#include "registry/columns_json.h"

#include <limits>

#include "base/json.h"

namespace strandline::registry {

std::string labels_to_json(const std::map<std::string, std::string>& labels) {
    boost::json::object object;
    for (const auto& [key, value] : labels) object.emplace(key, value);
    return write_json(object);
}

Result<std::map<std::string, std::string>> labels_from_json(std::string_view json) {
    TRY(const auto document, parse_json(json, "labels"));
    const auto* object = document.if_object();
    if (object == nullptr) return fail(Errc::invalid, "labels: must be an object");
    std::map<std::string, std::string> labels;
    for (const auto& [key, value] : *object) {
        const auto* text = value.if_string();
        if (text == nullptr) return fail(Errc::invalid, "labels: values must be texts");
        labels.emplace(std::string(key), std::string(*text));
    }
    return labels;
}

std::string shares_to_json(const std::vector<DeltaShare>& shares) {
    boost::json::array array;
    for (const auto& share : shares) {
        array.push_back(boost::json::object{{"coding", share.coding},
                                            {"new_bytes", share.new_bytes},
                                            {"delta_bytes", share.delta_bytes}});
    }
    return write_json(array);
}

Result<std::vector<DeltaShare>> shares_from_json(std::string_view json) {
    TRY(const auto document, parse_json(json, "shares"));
    const auto* array = document.if_array();
    if (array == nullptr) return fail(Errc::invalid, "shares: must be an array");
    constexpr std::int64_t any = std::numeric_limits<std::int64_t>::max();
    std::vector<DeltaShare> shares;
    for (const auto& item : *array) {
        JsonReader in(item, "shares");
        shares.push_back({in.text("coding"),
                          static_cast<std::uint64_t>(in.integer("new_bytes", 0, any)),
                          static_cast<std::uint64_t>(in.integer("delta_bytes", 0, any))});
        TRY(in.finish());
    }
    return shares;
}

std::string event_json(std::initializer_list<EventField> fields) {
    boost::json::object object;
    for (const auto& [key, value] : fields) {
        std::visit([&, name = key](const auto& v) { object.emplace(name, v); }, value);
    }
    return write_json(object);
}

}  // namespace strandline::registry
