#include <algorithm>

#include "base/json.h"
#include "fleet/deployment.h"

namespace strandline::fleet {
namespace {

constexpr std::int64_t max_ms = std::int64_t{7} * 24 * 3600 * 1000;
constexpr std::int64_t max_bytes = std::int64_t{1} << 53;

std::chrono::milliseconds duration_or(JsonReader& in, std::string_view key,
                                      std::chrono::milliseconds fallback) {
    return std::chrono::milliseconds{in.integer_or(key, fallback.count(), 0, max_ms)};
}

}  // namespace

std::string to_json(const DeploymentPolicy& policy) {
    boost::json::object soak;
    soak.emplace("duration_ms", policy.soak.duration.count());
    soak.emplace("max_error_rate", policy.soak.max_error_rate);
    soak.emplace("max_latency_ms", policy.soak.max_latency.count());
    boost::json::object self_test;
    self_test.emplace("timeout_ms", policy.self_test.timeout.count());
    self_test.emplace("memory_bytes", static_cast<std::int64_t>(policy.self_test.memory_bytes));
    boost::json::object object;
    object.emplace("soak", std::move(soak));
    object.emplace("self_test", std::move(self_test));
    object.emplace("spread_ms", policy.spread.count());
    object.emplace("allow_full", policy.allow_full);
    return write_json(object);
}

Result<DeploymentPolicy> deployment_policy_from_json(std::string_view json) {
    TRY(const auto document, parse_json(json, "policy"));
    JsonReader in(document, "policy");
    DeploymentPolicy policy;
    if (const auto* value = in.find("soak")) {
        JsonReader soak(*value, "policy.soak");
        policy.soak.duration = duration_or(soak, "duration_ms", policy.soak.duration);
        policy.soak.max_error_rate =
            soak.number_or("max_error_rate", policy.soak.max_error_rate, 0, 1);
        policy.soak.max_latency = duration_or(soak, "max_latency_ms", policy.soak.max_latency);
        TRY(soak.finish());
    }
    if (const auto* value = in.find("self_test")) {
        JsonReader test(*value, "policy.self_test");
        policy.self_test.timeout = duration_or(test, "timeout_ms", policy.self_test.timeout);
        policy.self_test.memory_bytes =
            static_cast<std::uint64_t>(test.integer_or("memory_bytes", 0, 0, max_bytes));
        TRY(test.finish());
    }
    policy.spread = duration_or(in, "spread_ms", policy.spread);
    policy.allow_full = in.boolean_or("allow_full", policy.allow_full);
    TRY(in.finish());
    // Rows of before may hold more than devices accept.
    policy.soak.duration =
        std::min<std::chrono::milliseconds>(policy.soak.duration, trust::max_soak);
    policy.soak.max_latency =
        std::min<std::chrono::milliseconds>(policy.soak.max_latency, trust::max_latency_limit);
    policy.self_test.timeout = std::clamp<std::chrono::milliseconds>(
        policy.self_test.timeout, trust::min_self_test, trust::max_self_test);
    policy.spread = std::min<std::chrono::milliseconds>(policy.spread, trust::max_spread);
    return policy;
}

Status check_policy(const DeploymentPolicy& policy) {
    trust::DesiredSlot slot;
    slot.slot = slot.package = slot.variant = "default";
    slot.version = "1.0.0";
    slot.soak = policy.soak;
    slot.self_test = policy.self_test;
    trust::DesiredState state;
    state.device = "device";
    state.issued = to_rfc3339(WallTime{});
    state.spread = policy.spread;
    state.slots.push_back(std::move(slot));
    const auto read = trust::desired_state_from_json(trust::to_json(state));
    if (!read) return context("deployment", read.error());
    return {};
}

}  // namespace strandline::fleet
