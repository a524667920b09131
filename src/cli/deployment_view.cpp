#include "cli/deployment_view.h"

#include <algorithm>
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

std::string path_of(const std::string& id) { return "/v1/deployments/" + net::percent_encode(id); }

bool has_ended(const Document& deployment) { return deployment.text("state") != "running"; }

// What a deployment says as soon as its first page is known, with the rows of the other pages.
Result<Document> with_all_rows(HubClient& hub, const std::string& id, Document first) {
    if (first.text("next").empty()) return first;
    auto rows = first.list("devices");
    Document last = first;
    while (!last.text("next").empty()) {
        TRY(last, hub.get(fmt::format("{}?limit=1000&cursor={}", path_of(id),
                                      net::percent_encode(last.text("next")))));
        for (auto& row : last.list("devices")) rows.push_back(std::move(row));
    }
    ObjectBuilder whole;
    for (const auto& [key, value] : last.fields()) {
        if (key == "devices") {
            whole.documents(key, rows);
        } else {
            whole.document(key, value);
        }
    }
    return Document::parse(whole.json(), "deployment");
}

// While it runs the first page is enough to show that it goes on.
Result<Document> look(HubClient& hub, const std::string& id) {
    TRY(auto first, hub.get(path_of(id)));
    if (!has_ended(first)) return first;
    return with_all_rows(hub, id, std::move(first));
}

// As it was last seen: ended, or running at the deadline.
Result<Document> follow(const Context& context, HubClient& hub, const std::string& id,
                        Deadline deadline) {
    Progress progress(context);
    for (;;) {
        auto seen = look(hub, id);
        if (!seen && !info(seen.error().code).retryable) return seen;
        if (seen) progress.show(*seen);
        if ((seen && has_ended(*seen)) || deadline.passed()) return seen;
        auto wait = poll_interval;
        if (!seen) wait = std::max(wait, seen.error().retry_after.value_or(wait));
        std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(wait, deadline.remaining()));
    }
}

Status failure(const Document& deployment) {
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

Status verdict(const std::string& id, const Result<Document>& seen, std::chrono::seconds limit) {
    if (seen && has_ended(*seen)) return failure(*seen);
    if (!seen && !info(seen.error().code).retryable) return seen.error();
    const std::string why = seen ? "" : ": " + seen.error().message;
    return fail(
        Errc::timeout,
        fmt::format("deployment {} {} after {} s{}; follow it with: strandline status {}", id,
                    seen ? "is still running" : "was not seen to end", limit.count(), why, id));
}

// What has failed for good is worse than what may still go well.
Status worse(const Status& a, const Status& b) {
    if (a || b) return a ? b : a;
    const bool second = info(a.error().code).retryable && !info(b.error().code).retryable;
    Error error = second ? b.error() : a.error();
    error.message += "\n" + (second ? a.error().message : b.error().message);
    return error;
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

Result<Document> get_deployment(HubClient& hub, const std::string& id) {
    TRY(auto first, hub.get(path_of(id)));
    return with_all_rows(hub, id, std::move(first));
}

Status wait_for_deployments(Context& context, const std::vector<std::string>& ids,
                            std::chrono::seconds limit) {
    TRY(auto* hub, context.hub());
    const Deadline deadline = Deadline::after(limit);
    const bool together = ids.size() > 1 && context.json();
    std::vector<Document> shown;
    Status worst;
    for (const auto& id : ids) {
        const auto seen = follow(context, *hub, id, deadline);
        if (seen && together) shown.push_back(*seen);
        if (seen && !together && has_ended(*seen)) context.show(*seen, format_deployment);
        worst = worse(worst, verdict(id, seen, limit));
    }
    if (together) context.print(ObjectBuilder().documents("deployments", shown).json());
    return worst;
}

}  // namespace strandline::cli
