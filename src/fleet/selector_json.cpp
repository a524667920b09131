#include "base/json.h"
#include "fleet/selector.h"

namespace strandline::fleet {

std::string to_json(const Selector& selector) {
    boost::json::object object;
    switch (selector.kind) {
        case SelectorKind::devices: {
            boost::json::array devices;
            for (const auto& device : selector.devices) devices.emplace_back(device);
            object.emplace("devices", std::move(devices));
            break;
        }
        case SelectorKind::cluster:
            object.emplace("cluster", selector.cluster);
            break;
        case SelectorKind::labels: {
            boost::json::object labels;
            for (const auto& [key, value] : selector.labels) labels.emplace(key, value);
            object.emplace("labels", std::move(labels));
            break;
        }
        case SelectorKind::all:
            object.emplace("all", true);
            break;
    }
    return write_json(object);
}

Result<Selector> selector_from_json(std::string_view json) {
    TRY(const auto document, parse_json(json, "to"));
    JsonReader in(document, "to");
    Selector selector;
    int kinds = 0;
    if (in.has("devices")) {
        ++kinds;
        selector.kind = SelectorKind::devices;
        for (const auto& item : in.array("devices")) {
            const auto* text = item.if_string();
            if (text == nullptr) {
                in.reject("devices", "must hold texts");
            } else {
                selector.devices.emplace_back(*text);
            }
        }
    }
    if (in.has("cluster")) {
        ++kinds;
        selector.kind = SelectorKind::cluster;
        selector.cluster = in.text("cluster");
    }
    if (in.has("labels")) {
        ++kinds;
        selector.kind = SelectorKind::labels;
        for (const auto& [key, value] : in.object("labels")) {
            const auto* text = value.if_string();
            if (text == nullptr) {
                in.reject("labels", "values must be texts");
            } else {
                selector.labels.emplace(std::string(key), std::string(*text));
            }
        }
    }
    if (in.has("all")) {
        ++kinds;
        selector.kind = SelectorKind::all;
        if (!in.boolean_or("all", false)) in.reject("all", "must be true");
    }
    TRY(in.finish());
    if (kinds != 1) {
        return fail(Errc::invalid, "to: exactly one of devices, cluster, labels and all");
    }
    return check_selector(std::move(selector));
}

}  // namespace strandline::fleet
