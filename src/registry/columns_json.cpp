#include "registry/columns_json.h"

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

std::string event_json(std::initializer_list<EventField> fields) {
    boost::json::object object;
    for (const auto& [key, value] : fields) {
        std::visit([&, name = key](const auto& v) { object.emplace(name, v); }, value);
    }
    return write_json(object);
}

}  // namespace strandline::registry
