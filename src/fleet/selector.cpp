#include "fleet/selector.h"

#include <algorithm>
#include <fmt/core.h>

#include "base/ids.h"
#include "base/utf8.h"

namespace strandline::fleet {
namespace {

constexpr std::size_t max_devices = 10'000;
constexpr std::size_t max_labels = 32;
constexpr std::size_t label_value_limit = 128;

}  // namespace

Status check_labels(const std::map<std::string, std::string>& labels) {
    if (labels.size() > max_labels) {
        return fail(Errc::invalid, fmt::format("labels: at most {}", max_labels));
    }
    for (const auto& [key, value] : labels) {
        TRY(check_name("label", key));
        if (value.size() > label_value_limit || !is_plain_text(value)) {
            return fail(Errc::invalid,
                        fmt::format("label {}: at most {} bytes without control characters", key,
                                    label_value_limit));
        }
    }
    return {};
}

Result<Selector> check_selector(Selector selector) {
    switch (selector.kind) {
        case SelectorKind::devices: {
            auto& devices = selector.devices;
            if (devices.empty() || devices.size() > max_devices) {
                return fail(Errc::invalid, fmt::format("to.devices: 1 to {} ids", max_devices));
            }
            for (const auto& device : devices) TRY(check_name("device", device));
            std::sort(devices.begin(), devices.end());
            devices.erase(std::unique(devices.begin(), devices.end()), devices.end());
            return selector;
        }
        case SelectorKind::cluster:
            TRY(check_name("cluster", selector.cluster));
            return selector;
        case SelectorKind::labels:
            if (selector.labels.empty()) {
                return fail(Errc::invalid, "to.labels: at least one; use \"all\" for every device");
            }
            TRY(check_labels(selector.labels));
            return selector;
        case SelectorKind::all:
            return selector;
    }
    return fail(Errc::internal, "unknown kind of selector");
}

bool matches(const Selector& selector, const Traits& traits) {
    switch (selector.kind) {
        case SelectorKind::devices:
            return std::find(selector.devices.begin(), selector.devices.end(), traits.device) !=
                   selector.devices.end();
        case SelectorKind::cluster:
            return traits.clusters.contains(selector.cluster);
        case SelectorKind::labels:
            return std::all_of(
                selector.labels.begin(), selector.labels.end(), [&](const auto& label) {
                    const auto found = traits.labels.find(label.first);
                    return found != traits.labels.end() && found->second == label.second;
                });
        case SelectorKind::all:
            return true;
    }
    return false;
}

}  // namespace strandline::fleet
