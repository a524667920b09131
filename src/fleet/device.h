#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "trust/report.h"

namespace strandline::fleet {

/// What a slot of a device shall hold.
struct AssignedSlot {
    std::string package;
    std::string version;
    std::string variant;
    std::string deployment;
};

/// Wanted and proved, side by side.
struct SlotView {
    std::string slot;
    std::optional<AssignedSlot> desired;
    std::optional<trust::ReportedSlot> reported;
};

struct Device {
    std::string id;
    std::string name;  ///< for people; the id unless changed
    std::string arch;
    std::map<std::string, std::string> labels;
    std::vector<std::string> clusters;  ///< sorted
    bool online = false;
    std::int64_t boot = 0;  ///< newest seen
    std::optional<WallTime> last_seen;
    std::string agent_version;
    std::int64_t generation = 0;           ///< of the desired state; 0 before the first
    std::int64_t reported_generation = 0;  ///< that the device says it acts upon
    std::vector<SlotView> slots;           ///< by name
    trust::ReportedResources resources;
    std::string certificate_serial;  ///< newest
    WallTime certificate_not_after;
    bool revoked = false;
    WallTime enrolled;
};

/// Which devices a list shows; empty fields do not filter.
struct DeviceFilter {
    std::string cluster;
    std::vector<std::pair<std::string, std::string>> labels;  ///< all of them, at most 8
    std::optional<bool> online;
};

struct DeviceChange {
    std::optional<std::string> name;
    std::optional<std::map<std::string, std::string>> labels;  ///< replaces all
};

struct DeviceCounts {
    std::int64_t total = 0;
    std::int64_t online = 0;
    std::int64_t revoked = 0;
};

}  // namespace strandline::fleet
