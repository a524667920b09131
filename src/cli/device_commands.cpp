#include <fmt/core.h>

#include "cli/simple_command.h"
#include "net/http_message.h"

namespace strandline::cli {
namespace {

using net::percent_encode;

std::string labels_text(const Document& device) {
    std::string out;
    for (const auto& [key, value] : device.fields("labels")) {
        out += fmt::format("{}{}={}", out.empty() ? "" : " ", key, value.text());
    }
    return out;
}

std::string slot_text(const Document& slot) {
    const std::string active = slot.text("reported.active.version");
    const std::string desired = slot.text("desired.version");
    std::string out = fmt::format("{}={}", slot.text("slot"), active.empty() ? "-" : active);
    if (!desired.empty() && desired != active) out += "->" + desired;
    return out;
}

std::string slots_text(const Document& device) {
    std::string out;
    for (const auto& slot : device.list("slots")) out += (out.empty() ? "" : " ") + slot_text(slot);
    return out;
}

Status list_devices(Context& context, const SimpleOptions& options) {
    TRY(auto* hub, context.hub());
    std::string path = "/v1/devices?";
    if (!options.filter.empty()) path += "cluster=" + percent_encode(options.filter) + "&";
    for (const auto& label : options.labels) {
        const auto equals = label.find('=');
        if (equals == std::string::npos)
            return fail(Errc::invalid, "--label: write it as key=value");
        path +=
            "label=" + percent_encode(label.substr(0, equals) + ":" + label.substr(equals + 1)) +
            "&";
    }
    if (options.flag) path += "online=true&";
    TRY(const auto items, hub->get_all(path));
    show_list(
        context, items, {"DEVICE", "ONLINE", "SLOTS", "LABELS", "AGENT", "LAST SEEN"},
        [](const Document& item) -> std::vector<std::string> {
            const char* state = item.boolean("revoked")  ? "revoked"
                                : item.boolean("online") ? "yes"
                                                         : "no";
            return {item.text("id"),
                    state,
                    slots_text(item),
                    labels_text(item),
                    item.text("agent_version"),
                    item.text("last_seen")};
        },
        "No devices yet; make a join token with: strandline token create");
    return {};
}

std::string describe_slot(const Document& slot) {
    std::string out = fmt::format(
        "  {}: {} {} ({}), {}\n", slot.text("slot"), slot.text("reported.active.package"),
        slot.text("reported.active.version"), slot.text("reported.active.variant"),
        slot.boolean("reported.serving")
            ? "serving"
            : "not serving: " + slot.text("reported.not_serving_reason"));
    out += fmt::format("      state {}, self-test {}, {} inferences, {} errors, up {}\n",
                       slot.text("reported.state"), slot.text("reported.self_test"),
                       slot.text("reported.inferences"), slot.text("reported.inference_errors"),
                       format_duration_ms(slot.integer("reported.uptime_ms")));
    if (slot.has("reported.error")) {
        out += fmt::format("      last refusal: {} in {}: {}\n", slot.text("reported.error.reason"),
                           slot.text("reported.error.stage"), slot.text("reported.error.message"));
    }
    return out;
}

Status show_device(Context& context, const SimpleOptions& options) {
    TRY(auto* hub, context.hub());
    TRY(const auto device, hub->get("/v1/devices/" + percent_encode(options.first)));
    context.show(device, [](const Document& item) {
        std::string out =
            fmt::format("{}  {}  last seen {}\n", item.text("id"),
                        item.boolean("online") ? "online" : "offline", item.text("last_seen"));
        out += fmt::format("  agent {}, generation {} of {}, labels {}\n",
                           item.text("agent_version"), item.text("reported_generation"),
                           item.text("generation"), labels_text(item));
        out += fmt::format(
            "  {} with {} CPUs, {} of {} memory free, {} disk free, engine {}\n",
            item.text("resources.arch"), item.text("resources.cpus"),
            format_bytes(item.integer("resources.memory_available_bytes")),
            format_bytes(item.integer("resources.memory_bytes")),
            format_bytes(item.integer("resources.disk_free_bytes")),
            item.text("resources.engine").empty() ? "none" : item.text("resources.engine"));
        for (const auto& slot : item.list("slots")) out += describe_slot(slot);
        return out;
    });
    return {};
}

Status label_device(Context& context, const SimpleOptions& options) {
    TRY(auto* hub, context.hub());
    TRY(const auto labels, parse_labels(options.labels, "--label"));
    ObjectBuilder body;
    body.object("labels", labels);
    TRY(const auto device, hub->patch("/v1/devices/" + percent_encode(options.first), body.json()));
    context.show(device,
                 [](const Document& item) { return item.text("id") + "  " + labels_text(item); });
    return {};
}

Status revoke_device(Context& context, const SimpleOptions& options) {
    TRY(auto* hub, context.hub());
    TRY(const auto device, hub->post("/v1/devices/" + percent_encode(options.first) + "/revoke"));
    context.show(device, [&](const Document&) {
        return options.first + " revoked: hub and broker refuse its certificate from now on";
    });
    return {};
}

Status delete_device(Context& context, const SimpleOptions& options) {
    TRY(auto* hub, context.hub());
    TRY(hub->remove("/v1/devices/" + percent_encode(options.first)));
    context.print(context.json() ? "{}" : options.first + " deleted");
    return {};
}

}  // namespace

void add_device_commands(Commands& commands) {
    commands.push_back(std::make_unique<SimpleCommand>(
        "devices list", "List devices and what they run",
        [](Arguments& arguments, SimpleOptions& options) {
            arguments.option("--cluster", options.filter, "only members of this cluster");
            arguments.repeated("--label", options.labels, "only devices with key=value");
            arguments.flag("--online", options.flag, "only devices that are connected");
        },
        list_devices));
    commands.push_back(std::make_unique<SimpleCommand>(
        "devices show", "Show one device", one_argument("device", "device id"), show_device));
    commands.push_back(std::make_unique<SimpleCommand>(
        "devices label", "Replace the labels of a device",
        [](Arguments& arguments, SimpleOptions& options) {
            arguments.positional("device", options.first, "device id", true);
            arguments.repeated("--label", options.labels, "key=value; repeat for more");
        },
        label_device));
    commands.push_back(std::make_unique<SimpleCommand>(
        "devices revoke", "Shut a device out", one_argument("device", "device id"), revoke_device));
    commands.push_back(std::make_unique<SimpleCommand>(
        "devices delete", "Forget a device", one_argument("device", "device id"), delete_device));
}

}  // namespace strandline::cli
