#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "fleet/deployment.h"
#include "fleet/device.h"
#include "registry/release.h"

// The forms of api/openapi.yaml that several calls share. Included by *_api.cpp and *_json.cpp
// only.
namespace strandline::hub {

[[nodiscard]] boost::json::object release_value(const registry::Release& release);

enum class DeviceDetail { list, full };
[[nodiscard]] boost::json::object device_value(const fleet::Device& device, DeviceDetail detail);

[[nodiscard]] boost::json::object row_value(const fleet::DeploymentRow& row);
/// Without the rows of the devices.
[[nodiscard]] boost::json::object deployment_value(const fleet::Deployment& deployment);

}  // namespace strandline::hub
