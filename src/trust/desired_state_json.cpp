#include <fmt/core.h>
#include <set>

#include "base/clock.h"
#include "base/ids.h"
#include "base/json.h"
#include "trust/desired_state.h"
#include "trust/json_fields.h"

namespace strandline::trust {
namespace {

constexpr std::size_t max_desired_bytes = std::size_t{256} * 1024;

using Milliseconds = std::chrono::milliseconds;

Milliseconds read_duration(JsonReader& in, std::string_view key, Milliseconds fallback,
                           Milliseconds max, Milliseconds min = Milliseconds(0)) {
    return Milliseconds(in.integer_or(key, fallback.count(), min.count(), max.count()));
}

boost::json::object slot_json(const DesiredSlot& slot) {
    return {{"slot", slot.slot},
            {"package", slot.package},
            {"version", slot.version},
            {"variant", slot.variant},
            {"manifest", slot.manifest.hex()},
            {"deployment", slot.deployment},
            {"soak",
             {{"duration_ms", slot.soak.duration.count()},
              {"max_error_rate", json_number(slot.soak.max_error_rate)},
              {"max_latency_ms", slot.soak.max_latency.count()}}},
            {"self_test",
             {{"timeout_ms", slot.self_test.timeout.count()},
              {"memory_bytes", json_integer(slot.self_test.memory_bytes)}}},
            {"allow_full", slot.allow_full}};
}

Result<SoakPolicy> soak_of(const boost::json::value& value, const std::string& where) {
    JsonReader in(value, where + ".soak");
    SoakPolicy soak;
    soak.duration = read_duration(in, "duration_ms", soak.duration, max_soak);
    soak.max_error_rate = in.number_or("max_error_rate", soak.max_error_rate, 0, 1);
    soak.max_latency = read_duration(in, "max_latency_ms", soak.max_latency, max_latency_limit);
    TRY(in.finish_lenient());
    return soak;
}

Result<SelfTestPolicy> self_test_of(const boost::json::value& value, const std::string& where) {
    JsonReader in(value, where + ".self_test");
    SelfTestPolicy self_test;
    self_test.timeout =
        read_duration(in, "timeout_ms", self_test.timeout, max_self_test, min_self_test);
    self_test.memory_bytes = read_size_or(in, "memory_bytes", 0);
    TRY(in.finish_lenient());
    return self_test;
}

Result<DesiredSlot> slot_of(const boost::json::value& value, std::size_t index) {
    const std::string where = fmt::format("desired.slots[{}]", index);
    JsonReader in(value, where);
    DesiredSlot slot;
    slot.slot = in.text("slot");
    slot.package = in.text("package");
    slot.version = read_short_text(in, "version", 64);
    slot.variant = in.text("variant");
    slot.manifest = read_digest(in, "manifest");
    slot.deployment = in.text_or("deployment", "");
    slot.allow_full = in.boolean_or("allow_full", true);
    if (const auto* soak = in.find("soak")) {
        TRY(slot.soak, soak_of(*soak, where));
    }
    if (const auto* self_test = in.find("self_test")) {
        TRY(slot.self_test, self_test_of(*self_test, where));
    }
    TRY(in.finish_lenient());
    in.require(check_name("slot", slot.slot));
    in.require(check_name("package", slot.package));
    in.require(check_name("variant", slot.variant));
    if (!slot.deployment.empty()) in.require(check_name("deployment", slot.deployment));
    TRY(in.finish_lenient());
    return slot;
}

Status read_slots(const boost::json::array& values, DesiredState& state) {
    std::set<std::string> names;
    for (std::size_t i = 0; i < values.size(); ++i) {
        TRY(auto slot, slot_of(values[i], i));
        if (!names.insert(slot.slot).second) {
            return fail(Errc::invalid,
                        fmt::format("desired.slots has the slot \"{}\" twice", slot.slot));
        }
        state.slots.push_back(std::move(slot));
    }
    return {};
}

}  // namespace

std::string to_json(const DesiredState& state) {
    boost::json::array slots;
    for (const auto& slot : state.slots) slots.push_back(slot_json(slot));
    return write_json(boost::json::object{{"format", 1},
                                          {"device", state.device},
                                          {"generation", state.generation},
                                          {"issued", state.issued},
                                          {"spread_ms", state.spread.count()},
                                          {"slots", std::move(slots)}});
}

Result<DesiredState> desired_state_from_json(std::string_view json) {
    TRY(const auto value,
        parse_json(json, "desired", {.max_bytes = max_desired_bytes, .max_depth = 8}));
    JsonReader in(value, "desired");
    DesiredState state;
    require_format(in);
    state.device = in.text("device");
    state.generation = in.integer("generation", 0, max_json_integer);
    state.issued = in.text("issued");
    state.spread = read_duration(in, "spread_ms", Milliseconds(0), max_spread);
    const auto& slots = in.array("slots");
    if (slots.size() > max_desired_slots)
        in.reject("slots", fmt::format("has more than {} entries", max_desired_slots));
    TRY(in.finish_lenient());
    in.require(check_name("device", state.device));
    if (const auto issued = from_rfc3339(state.issued); !issued)
        in.reject("issued", "must be an RFC 3339 time in UTC");
    TRY(in.finish_lenient());
    TRY(read_slots(slots, state));
    return state;
}

}  // namespace strandline::trust
