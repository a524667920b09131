#include "cli/deployment_view.h"

#include <fmt/core.h>
#include <map>
#include <thread>

#include "base/deadline.h"
#include "base/utf8.h"
#include "net/http_message.h"

namespace strandline::cli {
namespace {

constexpr std::chrono::milliseconds poll_interval{250};

std::string device_line(const Document& device) {
    const std::string state = device.text("state");
    std::string line = fmt::format("{:<24} {:<10}", device.text("device"), state);
    if (state == "updating") {
        line +=
            fmt::format(" {:<10} {:3.0f}%", device.text("stage"), device.number("progress") * 100);
    } else if (state == "active") {
        line += fmt::format(
            " {} -> {}  {} received instead of {}, {}",
            device.text("from_version").empty() ? "nothing" : device.text("from_version"),
            device.text("version"), format_bytes(device.integer("bytes_received")),
            format_bytes(device.integer("bytes_full")),
            format_duration_ms(device.integer("duration_ms")));
    } else if (!device.text("reason").empty()) {
        line += fmt::format(" {}: {}", device.text("reason"), device.text("message"));
    }
    return line;
}

// Shows progress; remembers what it has shown.
class Progress {
public:
    explicit Progress(const Context& context)
        : context_(&context), redraw_(context.interactive()), silent_(context.options().quiet) {}

    void show(const Document& deployment) {
        if (silent_) return;
        const auto devices = deployment.list("devices");
        if (redraw_ && devices.size() <= 40) {
            if (lines_ > 0) fmt::print(stderr, "\033[{}A", lines_);
            for (const auto& device : devices)
                fmt::print(stderr, "\033[K{}\n", printable(device_line(device)));
            lines_ = devices.size();
            return;
        }
        for (const auto& device : devices) {
            const std::string key = device.text("state") + device.text("stage");
            auto& last = shown_[device.text("device")];
            if (last == key) continue;
            last = key;
            if (device.text("state") != "pending") context_->note(device_line(device));
        }
    }

private:
    const Context* context_;
    bool redraw_;
    bool silent_;
    std::size_t lines_ = 0;
    std::map<std::string, std::string> shown_;
};

Status verdict(const Document& deployment) {
    if (deployment.text("state") == "succeeded") return {};
    std::string reasons;
    for (const auto& device : deployment.list("devices")) {
        const std::string state = device.text("state");
        if (state != "refused" && state != "failed") continue;
        reasons += fmt::format("\n  {} {} it: {}: {}", device.text("device"), state,
                               device.text("reason"), device.text("message"));
    }
    return fail(Errc::conflict, fmt::format("deployment {} {}{}", deployment.text("id"),
                                            deployment.text("state"), reasons));
}

}  // namespace

std::string format_deployment(const Document& deployment) {
    std::string out =
        fmt::format("{}  {}@{}:{} to slot {}  {}\n", deployment.text("id"),
                    deployment.text("package"), deployment.text("version"),
                    deployment.text("variant"), deployment.text("slot"), deployment.text("state"));
    for (const auto& device : deployment.list("devices")) out += device_line(device) + "\n";
    const auto full = deployment.integer("totals.bytes_full");
    const auto received = deployment.integer("totals.bytes_received");
    out += fmt::format("{} of {} devices active; {} received instead of {}",
                       deployment.text("totals.active"), deployment.text("totals.devices"),
                       format_bytes(received), format_bytes(full));
    if (full > 0)
        out += fmt::format(" ({:.1f} %)",
                           100.0 * static_cast<double>(received) / static_cast<double>(full));
    return out + "\n";
}

Status wait_for_deployment(Context& context, const std::string& id, std::chrono::seconds limit) {
    TRY(auto* hub, context.hub());
    const Deadline deadline = Deadline::after(limit);
    Progress progress(context);
    const std::string path = "/v1/deployments/" + net::percent_encode(id);
    for (;;) {
        TRY(const auto deployment, hub->get(path));
        progress.show(deployment);
        if (deployment.text("state") != "running") {
            context.show(deployment, format_deployment);
            return verdict(deployment);
        }
        if (deadline.passed()) {
            return fail(Errc::timeout,
                        fmt::format("deployment {} is still running after {} s; follow it with: "
                                    "strandline status {}",
                                    id, limit.count(), id));
        }
        std::this_thread::sleep_for(poll_interval);
    }
}

}  // namespace strandline::cli
