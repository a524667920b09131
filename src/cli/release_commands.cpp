#include <fmt/core.h>

#include "cli/simple_command.h"
#include "net/http_message.h"

namespace strandline::cli {
namespace {

using net::percent_encode;

std::string joined(const std::vector<Document>& items) {
    std::string out;
    for (const auto& item : items) out += (out.empty() ? "" : " ") + item.text();
    return out;
}

Status list_releases(Context& context, const SimpleOptions& options) {
    TRY(auto* hub, context.hub());
    std::string path = "/v1/releases";
    if (!options.first.empty()) path += "?package=" + percent_encode(options.first);
    TRY(const auto items, hub->get_all(path));
    show_list(
        context, items, {"PACKAGE", "VERSION", "VARIANT", "KIND", "SIZE", "CHANNELS", "CREATED"},
        [](const Document& item) -> std::vector<std::string> {
            return {item.text("package"),
                    item.text("version"),
                    item.text("variant"),
                    item.text("kind"),
                    format_bytes(item.integer("size")),
                    joined(item.list("channels")),
                    item.text("created")};
        },
        "No releases yet; make one with: strandline push MODEL.onnx --package NAME --version "
        "1.0.0");
    return {};
}

Status show_release(Context& context, const SimpleOptions& options) {
    TRY(auto* hub, context.hub());
    TRY(const auto release, hub->get("/v1/releases/" + percent_encode(options.first)));
    context.show(release, [](const Document& item) {
        std::string out =
            fmt::format("{}@{}:{}  {}  manifest {}\n", item.text("package"), item.text("version"),
                        item.text("variant"), item.text("kind"), item.text("manifest"));
        std::vector<std::vector<std::string>> rows{{"FILE", "SIZE", "SHA256"}};
        for (const auto& file : item.list("files")) {
            rows.push_back(
                {file.text("path"), format_bytes(file.integer("size")), file.text("sha256")});
        }
        return out + format_table(rows);
    });
    return {};
}

Status delete_release(Context& context, const SimpleOptions& options) {
    TRY(auto* hub, context.hub());
    TRY(hub->remove("/v1/releases/" + percent_encode(options.first)));
    context.print(context.json() ? "{}" : options.first + " deleted");
    return {};
}

Status list_channels(Context& context, const SimpleOptions& options) {
    TRY(auto* hub, context.hub());
    TRY(const auto items,
        hub->get_all("/v1/packages/" + percent_encode(options.first) + "/channels"));
    show_list(
        context, items, {"CHANNEL", "VERSION", "VARIANT"},
        [](const Document& item) -> std::vector<std::string> {
            const std::string name = item.has("name") ? item.text("name") : item.text("channel");
            return {name, item.text("version"), item.text("variant")};
        },
        "No channels; set one with: strandline channels set PACKAGE CHANNEL --version V");
    return {};
}

class ChannelSetCommand final : public Command {
public:
    [[nodiscard]] std::string_view name() const override { return "channels set"; }
    [[nodiscard]] std::string_view summary() const override {
        return "Point a channel at a version";
    }
    void declare(Arguments& arguments) override {
        arguments.positional("package", package_, "package name", true);
        arguments.positional("channel", channel_, "such as stable or canary", true);
        arguments.option("--version", version_, "version the channel shall name (required)");
        arguments.option("--variant", variant_, "variant");
    }
    [[nodiscard]] Status run(Context& context) override {
        if (version_.empty()) return fail(Errc::invalid, "channels set needs --version");
        TRY(auto* hub, context.hub());
        ObjectBuilder body;
        body.text("version", version_).text_if("variant", variant_);
        TRY(const auto moved, hub->put("/v1/packages/" + percent_encode(package_) + "/channels/" +
                                           percent_encode(channel_),
                                       body.json()));
        context.show(moved, [&](const Document&) {
            return fmt::format("{} {} -> {}", package_, channel_, version_);
        });
        return {};
    }

private:
    std::string package_;
    std::string channel_;
    std::string version_;
    std::string variant_;
};

}  // namespace

void add_release_commands(Commands& commands) {
    commands.push_back(std::make_unique<SimpleCommand>(
        "releases list", "List releases, newest first",
        [](Arguments& arguments, SimpleOptions& options) {
            arguments.positional("package", options.first, "only this package", false);
        },
        list_releases));
    commands.push_back(std::make_unique<SimpleCommand>(
        "releases show", "Show one release",
        one_argument("release", "PACKAGE@VERSION:VARIANT or id"), show_release));
    commands.push_back(std::make_unique<SimpleCommand>(
        "releases delete", "Delete a release that nothing uses",
        one_argument("release", "PACKAGE@VERSION:VARIANT or id"), delete_release));
    commands.push_back(
        std::make_unique<SimpleCommand>("channels list", "List the channels of a package",
                                        one_argument("package", "package name"), list_channels));
    commands.push_back(std::make_unique<ChannelSetCommand>());
}

}  // namespace strandline::cli
