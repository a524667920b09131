#include <fmt/core.h>

#include "cli/deployment_view.h"
#include "cli/simple_command.h"
#include "net/http_message.h"

namespace strandline::cli {
namespace {

constexpr std::int64_t default_wait_s = 600;

// "device:d-1", "cluster:north", "label:site=a", "all"; a bare word is a device.
struct Target {
    std::vector<std::string> devices;
    std::string cluster;
    std::vector<std::string> labels;
    bool all = false;
};

Result<Target> parse_target(const std::vector<std::string>& words) {
    Target target;
    for (const auto& word : words) {
        const auto colon = word.find(':');
        const std::string kind = word.substr(0, colon);
        const std::string rest = colon == std::string::npos ? word : word.substr(colon + 1);
        if (word == "all") {
            target.all = true;
        } else if (colon == std::string::npos || kind == "device") {
            target.devices.push_back(rest);
        } else if (kind == "cluster" && target.cluster.empty()) {
            target.cluster = rest;
        } else if (kind == "label") {
            target.labels.push_back(rest);
        } else {
            return fail(
                Errc::invalid,
                fmt::format("--to \"{}\": use device:ID, cluster:NAME, label:KEY=VALUE or all",
                            word));
        }
    }
    const int kinds = static_cast<int>(target.all) + static_cast<int>(!target.cluster.empty()) +
                      static_cast<int>(!target.labels.empty()) +
                      static_cast<int>(!target.devices.empty());
    if (kinds != 1) {
        return fail(Errc::invalid,
                    "--to: name devices, one cluster, labels or all, and only one kind of them");
    }
    return target;
}

Result<ObjectBuilder> target_object(const Target& target) {
    ObjectBuilder to;
    if (target.all) to.boolean("all", true);
    if (!target.cluster.empty()) to.text("cluster", target.cluster);
    if (!target.devices.empty()) to.texts("devices", target.devices);
    if (!target.labels.empty()) {
        TRY(const auto labels, parse_labels(target.labels, "--to label"));
        to.object("labels", labels);
    }
    return to;
}

bool looks_like_version(const std::string& text) {
    return !text.empty() && text[0] >= '0' && text[0] <= '9';
}

class DeployCommand final : public Command {
public:
    [[nodiscard]] std::string_view name() const override { return "deploy"; }
    [[nodiscard]] std::string_view summary() const override { return "Bring a release to devices"; }
    void declare(Arguments& arguments) override {
        arguments.positional("release", release_,
                             "PACKAGE@VERSION, PACKAGE@CHANNEL or PACKAGE (channel stable)", true);
        arguments.repeated("--to", to_,
                           "device:ID, cluster:NAME, label:KEY=VALUE or all; repeat for more");
        arguments.option("--variant", variant_, "variant (default)");
        arguments.option("--slot", slot_, "slot on the device (the package name)");
        arguments.option("--soak", soak_ms_, "milliseconds a device watches the new release");
        arguments.option("--self-test-timeout", self_test_ms_,
                         "milliseconds the self-test may take (30000)");
        arguments.option("--spread", spread_ms_, "milliseconds over which the devices start");
        arguments.flag("--delta-only", delta_only_,
                       "never fetch a full file where a delta was hoped for");
        arguments.flag("--wait", wait_, "wait for the end, with live progress");
        arguments.option("--timeout", timeout_s_, "seconds to wait (600)");
    }
    [[nodiscard]] Status run(Context& context) override {
        TRY(const auto target, parse_target(to_));
        TRY(const auto to, target_object(target));
        const auto at = release_.find('@');
        const std::string what = at == std::string::npos ? "stable" : release_.substr(at + 1);
        ObjectBuilder body;
        body.text("package", release_.substr(0, at))
            .text(looks_like_version(what) ? "version" : "channel", what);
        body.object("to", to).text_if("variant", variant_).text_if("slot", slot_);
        if (soak_ms_) {
            ObjectBuilder soak;
            soak.integer("duration_ms", *soak_ms_);
            body.object("soak", soak);
        }
        if (self_test_ms_) {
            ObjectBuilder self_test;
            self_test.integer("timeout_ms", *self_test_ms_);
            body.object("self_test", self_test);
        }
        if (spread_ms_) body.integer("spread_ms", *spread_ms_);
        if (delta_only_) body.boolean("allow_full", false);
        TRY(auto* hub, context.hub());
        TRY(const auto made, hub->post("/v1/deployments", body.json()));
        const std::string id = made.text("id");
        if (!wait_) {
            context.show(made, [&](const Document& item) {
                return fmt::format("{}  {} devices; follow it with: strandline status {}", id,
                                   item.text("totals.devices"), id);
            });
            return {};
        }
        return wait_for_deployments(context, {id},
                                    std::chrono::seconds(timeout_s_.value_or(default_wait_s)));
    }

private:
    std::string release_;
    std::vector<std::string> to_;
    std::string variant_;
    std::string slot_;
    std::optional<std::int64_t> soak_ms_;
    std::optional<std::int64_t> self_test_ms_;
    std::optional<std::int64_t> spread_ms_;
    std::optional<std::int64_t> timeout_s_;
    bool delta_only_ = false;
    bool wait_ = false;
};

class RollbackCommand final : public Command {
public:
    [[nodiscard]] std::string_view name() const override { return "rollback"; }
    [[nodiscard]] std::string_view summary() const override {
        return "Return the devices of a deployment to what they ran before";
    }
    void declare(Arguments& arguments) override {
        arguments.positional("deployment", id_, "deployment id", true);
        arguments.flag("--wait", wait_, "wait for the end, with live progress");
        arguments.option("--timeout", timeout_s_, "seconds to wait (600)");
    }
    [[nodiscard]] Status run(Context& context) override {
        TRY(auto* hub, context.hub());
        TRY(const auto made,
            hub->post("/v1/deployments/" + net::percent_encode(id_) + "/rollback"));
        const auto deployments = made.list("deployments");
        if (!wait_ || deployments.empty()) {
            context.show(made, [&](const Document&) {
                return fmt::format("{} deployments made to undo {}", deployments.size(), id_);
            });
            return {};
        }
        std::vector<std::string> ids;
        for (const auto& deployment : deployments) ids.push_back(deployment.text("id"));
        return wait_for_deployments(context, ids,
                                    std::chrono::seconds(timeout_s_.value_or(default_wait_s)));
    }

private:
    std::string id_;
    bool wait_ = false;
    std::optional<std::int64_t> timeout_s_;
};

Status cancel_deployment(Context& context, const SimpleOptions& options) {
    TRY(auto* hub, context.hub());
    TRY(const auto done,
        hub->post("/v1/deployments/" + net::percent_encode(options.first) + "/cancel"));
    context.show(done, [&](const Document&) { return options.first + " cancelled"; });
    return {};
}

}  // namespace

void add_deploy_commands(Commands& commands) {
    commands.push_back(std::make_unique<DeployCommand>());
    commands.push_back(std::make_unique<RollbackCommand>());
    commands.push_back(std::make_unique<SimpleCommand>(
        "cancel", "Stop a deployment where it has not begun",
        one_argument("deployment", "deployment id"), cancel_deployment));
}

}  // namespace strandline::cli
