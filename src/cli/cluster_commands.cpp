#include <fmt/core.h>

#include "cli/simple_command.h"
#include "net/http_message.h"

namespace strandline::cli {
namespace {

using net::percent_encode;

std::string cluster_path(const std::string& name) { return "/v1/clusters/" + percent_encode(name); }

std::string members_text(const Document& cluster) {
    std::string out;
    for (const auto& member : cluster.list("members"))
        out += (out.empty() ? "" : " ") + member.text();
    return out;
}

Status list_clusters(Context& context, const SimpleOptions& /*options*/) {
    TRY(auto* hub, context.hub());
    TRY(const auto items, hub->get_all("/v1/clusters"));
    show_list(
        context, items, {"CLUSTER", "MEMBERS", "DESCRIPTION"},
        [](const Document& item) -> std::vector<std::string> {
            return {item.text("name"), members_text(item), item.text("description")};
        },
        "No clusters; make one with: strandline clusters create NAME");
    return {};
}

Status create_cluster(Context& context, const SimpleOptions& options) {
    TRY(auto* hub, context.hub());
    ObjectBuilder body;
    body.text("name", options.first).text_if("description", options.filter);
    TRY(const auto made, hub->post("/v1/clusters", body.json()));
    context.show(made, [](const Document& item) { return item.text("name") + " created"; });
    return {};
}

Status delete_cluster(Context& context, const SimpleOptions& options) {
    TRY(auto* hub, context.hub());
    TRY(hub->remove(cluster_path(options.first)));
    context.print(context.json() ? "{}" : options.first + " deleted");
    return {};
}

Status add_member(Context& context, const SimpleOptions& options) {
    TRY(auto* hub, context.hub());
    TRY(const auto done,
        hub->put(cluster_path(options.first) + "/members/" + percent_encode(options.second)));
    context.show(done, [&](const Document&) {
        return fmt::format("{} joined {}", options.second, options.first);
    });
    return {};
}

Status remove_member(Context& context, const SimpleOptions& options) {
    TRY(auto* hub, context.hub());
    TRY(hub->remove(cluster_path(options.first) + "/members/" + percent_encode(options.second)));
    context.print(context.json() ? "{}" : fmt::format("{} left {}", options.second, options.first));
    return {};
}

void cluster_and_device(Arguments& arguments, SimpleOptions& options) {
    arguments.positional("cluster", options.first, "cluster name", true);
    arguments.positional("device", options.second, "device id", true);
}

}  // namespace

void add_cluster_commands(Commands& commands) {
    commands.push_back(std::make_unique<SimpleCommand>("clusters list", "List clusters and members",
                                                       no_arguments, list_clusters));
    commands.push_back(std::make_unique<SimpleCommand>(
        "clusters create", "Make a cluster",
        [](Arguments& arguments, SimpleOptions& options) {
            arguments.positional("name", options.first, "cluster name", true);
            arguments.option("--description", options.filter, "what it is");
        },
        create_cluster));
    commands.push_back(
        std::make_unique<SimpleCommand>("clusters delete", "Delete a cluster; its devices stay",
                                        one_argument("name", "cluster name"), delete_cluster));
    commands.push_back(std::make_unique<SimpleCommand>(
        "clusters add", "Put a device into a cluster", cluster_and_device, add_member));
    commands.push_back(std::make_unique<SimpleCommand>(
        "clusters remove", "Take a device out of a cluster", cluster_and_device, remove_member));
}

}  // namespace strandline::cli
