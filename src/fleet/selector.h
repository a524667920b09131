#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace strandline::fleet {

enum class SelectorKind { devices, cluster, labels, all };

/// Which devices are meant. All but `devices` also mean devices that come later.
struct Selector {
    SelectorKind kind = SelectorKind::devices;
    std::vector<std::string> devices;
    std::string cluster;
    std::map<std::string, std::string> labels;  ///< a device must carry all of them
    friend bool operator==(const Selector&, const Selector&) = default;
};

/// What a selector looks at on a device.
struct Traits {
    std::string device;
    std::map<std::string, std::string> labels;
    std::set<std::string> clusters;
};

/// Names checked, nothing empty; devices sorted and distinct.
[[nodiscard]] Result<Selector> check_selector(Selector selector);
[[nodiscard]] bool matches(const Selector& selector, const Traits& traits);

/// The form in the database and on the wire: {"devices":[..]} | {"cluster":c} | {"labels":{}} |
/// {"all":true}. Equal selectors have equal text.
[[nodiscard]] std::string to_json(const Selector& selector);
[[nodiscard]] Result<Selector> selector_from_json(std::string_view json);

/// At most 32 labels, keys as check_name(), values at most 128 bytes without control characters.
[[nodiscard]] Status check_labels(const std::map<std::string, std::string>& labels);

}  // namespace strandline::fleet
