#pragma once

#include <boost/json/value.hpp>
#include <filesystem>
#include <span>
#include <string_view>

#include "base/result.h"

// Included only where configuration is parsed (*_config.cpp).
namespace strandline {

/// Parses TOML 1.0 into the tree that JsonReader reads, so that configuration gets the same strict
/// field checks as messages. Dates and times become text. `name` stands in errors, which carry
/// line and column.
[[nodiscard]] Result<boost::json::value> parse_toml(std::string_view text, std::string_view name);

/// The same, of a file of at most 1 MiB.
[[nodiscard]] Result<boost::json::value> load_toml(const std::filesystem::path& path);

/// Overlays environment variables on a parsed tree: with prefix `STRANDLINE_`, the variable
/// `STRANDLINE_MQTT_PORT=8884` sets `port` in table `mqtt` where `mqtt.port` is listed in `keys`
/// ("table.key"). Values are read as TOML scalars, or as text when that fails.
[[nodiscard]] Status overlay_environment(boost::json::value& tree, std::string_view prefix,
                                         std::span<const std::string_view> keys);

}  // namespace strandline
