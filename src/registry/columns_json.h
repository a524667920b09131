#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "registry/delta_job.h"

// JSON text in columns and in the data of events.
namespace strandline::registry {

[[nodiscard]] std::string labels_to_json(const std::map<std::string, std::string>& labels);
[[nodiscard]] Result<std::map<std::string, std::string>> labels_from_json(std::string_view json);

[[nodiscard]] std::string shares_to_json(const std::vector<DeltaShare>& shares);
[[nodiscard]] Result<std::vector<DeltaShare>> shares_from_json(std::string_view json);

using EventField = std::pair<std::string_view, std::variant<std::string, std::int64_t>>;
/// A flat object, fields in the given order.
[[nodiscard]] std::string event_json(std::initializer_list<EventField> fields);

}  // namespace strandline::registry
