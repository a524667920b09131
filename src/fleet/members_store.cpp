#include "fleet/members.h"

namespace strandline::fleet {
namespace {

void add_labels(registry::Statement& statement, const std::map<std::string, std::string>& labels) {
    std::string_view separator;
    for (const auto& [key, value] : labels) {
        statement.add(separator).add(
            "d.id IN (SELECT device_id FROM device_labels WHERE label_key = ");
        statement.bind(key).add(" AND label_value = ").bind(value).add(")");
        separator = " AND ";
    }
}

constexpr std::size_t devices_per_statement = 500;

}  // namespace

std::vector<Selector> split(const Selector& selector) {
    if (selector.devices.size() <= devices_per_statement) return {selector};
    std::vector<Selector> parts;
    for (const auto& device : selector.devices) {
        if (parts.empty() || parts.back().devices.size() == devices_per_statement) {
            parts.emplace_back();
        }
        parts.back().devices.push_back(device);
    }
    return parts;
}

Members members_of(const Selector& selector) {
    return [selector](registry::Statement& statement) {
        switch (selector.kind) {
            case SelectorKind::devices:
                statement.add("d.id IN ").bind_list(selector.devices);
                return;
            case SelectorKind::cluster:
                statement.add("d.id IN (SELECT device_id FROM cluster_members WHERE cluster = ");
                statement.bind(selector.cluster).add(")");
                return;
            case SelectorKind::labels:
                add_labels(statement, selector.labels);
                return;
            case SelectorKind::all:
                statement.add("d.id <> ''");
                return;
        }
    };
}

Members only(std::string device) {
    return [device = std::move(device)](registry::Statement& statement) {
        statement.add("d.id = ").bind(device);
    };
}

}  // namespace strandline::fleet
