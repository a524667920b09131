#include <fmt/core.h>

#include "base/ids.h"
#include "base/json.h"
#include "trust/json_fields.h"
#include "trust/report.h"
#include "trust/report_slot.h"

namespace strandline::trust {
namespace {

constexpr std::size_t max_slots = 64;
constexpr std::size_t max_version = 64;
constexpr std::size_t max_engine = 256;

boost::json::object resources_json(const ReportedResources& resources) {
    boost::json::object out{
        {"arch", resources.arch},
        {"cpus", resources.cpus},
        {"cpu_percent", json_number(resources.cpu_percent)},
        {"memory_bytes", json_integer(resources.memory_bytes)},
        {"memory_available_bytes", json_integer(resources.memory_available_bytes)},
        {"disk_bytes", json_integer(resources.disk_bytes)},
        {"disk_free_bytes", json_integer(resources.disk_free_bytes)},
        {"engine", json_text(resources.engine, max_engine)}};
    if (resources.temperature_celsius) {
        out["temperature_celsius"] = json_number(*resources.temperature_celsius);
    }
    return out;
}

Result<ReportedResources> resources_of(const boost::json::value& value) {
    JsonReader in(value, "report.resources");
    ReportedResources resources;
    resources.arch = read_short_text(in, "arch", max_version);
    resources.cpus = in.integer_or("cpus", 0, 0, 65'536);
    resources.cpu_percent = in.number_or("cpu_percent", 0, 0, 6'553'600);
    resources.memory_bytes = read_size_or(in, "memory_bytes", 0);
    resources.memory_available_bytes = read_size_or(in, "memory_available_bytes", 0);
    resources.disk_bytes = read_size_or(in, "disk_bytes", 0);
    resources.disk_free_bytes = read_size_or(in, "disk_free_bytes", 0);
    resources.engine = read_short_text(in, "engine", max_engine);
    if (in.has("temperature_celsius")) {
        resources.temperature_celsius = in.number_or("temperature_celsius", 0, -1000, 10'000);
    }
    TRY(in.finish_lenient());
    return resources;
}

}  // namespace

std::string to_json(const Report& report) {
    boost::json::array slots;
    for (const auto& slot : report.slots) slots.push_back(slot_json(slot));
    return write_json(
        boost::json::object{{"format", 1},
                            {"device", report.device},
                            {"boot", report.boot},
                            {"sequence", report.sequence},
                            {"generation", report.generation},
                            {"agent_version", json_text(report.agent_version, max_version)},
                            {"slots", std::move(slots)},
                            {"resources", resources_json(report.resources)}});
}

Result<Report> report_from_json(std::string_view json) {
    TRY(const auto value,
        parse_json(json, "report", {.max_bytes = max_report_bytes, .max_depth = 8}));
    JsonReader in(value, "report");
    Report report;
    require_format(in);
    report.device = in.text("device");
    report.boot = in.integer("boot", 0, max_json_integer);
    report.sequence = in.integer("sequence", 0, max_json_integer);
    report.generation = in.integer("generation", 0, max_json_integer);
    report.agent_version = read_short_text(in, "agent_version", max_version);
    const auto& slots = in.array("slots");
    if (slots.size() > max_slots)
        in.reject("slots", fmt::format("has more than {} entries", max_slots));
    if (const auto* resources = in.find("resources")) {
        TRY(report.resources, resources_of(*resources));
    }
    TRY(in.finish_lenient());
    in.require(check_name("device", report.device));
    TRY(in.finish_lenient());
    TRY(report.slots, slots_of(slots));
    return report;
}

}  // namespace strandline::trust
