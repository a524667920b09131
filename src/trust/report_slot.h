#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "trust/report.h"

namespace boost::json {
class array;
class object;
}  // namespace boost::json

// The slots of a report in JSON. Internal to trust.
namespace strandline::trust {

[[nodiscard]] boost::json::object slot_json(const ReportedSlot& slot);
/// Slots must be at most once in a report.
[[nodiscard]] Result<std::vector<ReportedSlot>> slots_of(const boost::json::array& values);

}  // namespace strandline::trust
