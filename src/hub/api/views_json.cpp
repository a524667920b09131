#include "hub/api/views_json.h"

#include "base/json.h"
#include "hub/api/api_json.h"
#include "trust/report.h"

namespace strandline::hub {
namespace {

namespace json = boost::json;

json::array texts(const std::vector<std::string>& list) {
    json::array out;
    for (const auto& text : list) out.emplace_back(text);
    return out;
}

// The wire form of a report belongs to trust/; its parts are taken out of a report made for it.
json::value part_of_report(const trust::Report& report, std::string_view part) {
    const auto parsed = parse_json(trust::to_json(report), "report");
    if (!parsed || !parsed->is_object()) return nullptr;
    const auto* value = parsed->get_object().if_contains(part);
    return value == nullptr ? json::value(nullptr) : *value;
}

json::value reported_slot_value(const trust::ReportedSlot& slot) {
    trust::Report report;
    report.device = "d";  // any name: only the slot is used
    report.slots.push_back(slot);
    const auto slots = part_of_report(report, "slots");
    return slots.is_array() && !slots.get_array().empty() ? slots.get_array().front()
                                                          : json::value(nullptr);
}

json::value resources_value(const trust::ReportedResources& resources) {
    trust::Report report;
    report.device = "d";
    report.resources = resources;
    return part_of_report(report, "resources");
}

json::object slot_value(const fleet::SlotView& view) {
    json::object out{{"slot", view.slot}, {"desired", nullptr}, {"reported", nullptr}};
    if (view.desired) {
        out["desired"] = json::object{{"package", view.desired->package},
                                      {"version", view.desired->version},
                                      {"variant", view.desired->variant},
                                      {"deployment", view.desired->deployment}};
    }
    if (view.reported) out["reported"] = reported_slot_value(*view.reported);
    return out;
}

}  // namespace

json::object release_value(const registry::Release& release) {
    json::array files;
    for (const auto& file : release.files) {
        json::object entry{
            {"path", file.path}, {"size", number(file.size)}, {"sha256", file.sha256.hex()}};
        if (file.executable) entry["executable"] = true;
        files.emplace_back(std::move(entry));
    }
    return {{"id", release.id},
            {"package", release.triple.package},
            {"version", release.triple.version},
            {"variant", release.triple.variant},
            {"kind", trust::to_string(release.kind)},
            {"entry", release.entry},
            {"manifest", release.manifest.hex()},
            {"size", number(release.size)},
            {"files", std::move(files)},
            {"labels", map_value(release.labels)},
            {"created", time_value(release.created)},
            {"channels", texts(release.channels)}};
}

json::object device_value(const fleet::Device& device, DeviceDetail detail) {
    json::array slots;
    for (const auto& view : device.slots) slots.emplace_back(slot_value(view));
    json::object out{{"id", device.id},
                     {"name", device.name},
                     {"arch", device.arch},
                     {"labels", map_value(device.labels)},
                     {"clusters", texts(device.clusters)},
                     {"online", device.online},
                     {"last_seen", time_value(device.last_seen)},
                     {"agent_version", device.agent_version},
                     {"generation", device.generation},
                     {"reported_generation", device.reported_generation},
                     {"slots", std::move(slots)}};
    if (detail == DeviceDetail::full) out["resources"] = resources_value(device.resources);
    out["certificate"] = json::object{{"serial", device.certificate_serial},
                                      {"not_after", time_value(device.certificate_not_after)}};
    out["revoked"] = device.revoked;
    out["enrolled"] = time_value(device.enrolled);
    return out;
}

json::object row_value(const fleet::DeploymentRow& row) {
    return {{"device", row.device},
            {"state", fleet::to_string(row.state)},
            {"stage", row.stage},
            {"progress", row.progress},
            {"reason", row.reason},
            {"message", row.message},
            {"from_version", row.from_version},
            {"version", row.version},
            {"bytes_full", number(row.bytes_full)},
            {"bytes_received", number(row.bytes_received)},
            {"deltas", number(row.deltas)},
            {"fulls", number(row.fulls)},
            {"delta_fallbacks", number(row.delta_fallbacks)},
            {"duration_ms", row.duration_ms}};
}

json::object deployment_value(const fleet::Deployment& deployment) {
    const auto to = parse_json(fleet::to_json(deployment.to), "selector");
    const auto& totals = deployment.totals;
    return {{"id", deployment.id},
            {"package", deployment.package},
            {"version", deployment.version},
            {"variant", deployment.variant},
            {"slot", deployment.slot},
            {"channel", text_or_null(deployment.channel)},
            {"follow", deployment.follow},
            {"to", to ? *to : json::value(nullptr)},
            {"state", fleet::to_string(deployment.state)},
            {"created", time_value(deployment.created)},
            {"created_by", deployment.created_by},
            {"rollback_of", text_or_null(deployment.rollback_of)},
            {"totals", json::object{{"devices", totals.devices},
                                    {"pending", totals.pending},
                                    {"updating", totals.updating},
                                    {"active", totals.active},
                                    {"refused", totals.refused},
                                    {"failed", totals.failed},
                                    {"cancelled", totals.cancelled},
                                    {"superseded", totals.superseded},
                                    {"bytes_full", number(totals.bytes_full)},
                                    {"bytes_received", number(totals.bytes_received)}}}};
}

}  // namespace strandline::hub
