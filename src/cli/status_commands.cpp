#include <fmt/core.h>

#include "cli/deployment_view.h"
#include "cli/simple_command.h"
#include "net/http_message.h"

namespace strandline::cli {
namespace {

std::string hub_status(const Document& status) {
    return fmt::format(
        "hub {} up {}, broker {}\n{} devices, {} online\n{} releases, {} deployments running\n"
        "{} deltas built, {} waiting\n",
        status.text("version"), format_duration_ms(status.integer("uptime_ms")),
        status.boolean("mqtt.connected") ? "connected" : "NOT connected",
        status.text("devices.total"), status.text("devices.online"), status.text("releases"),
        status.text("deployments.running"), status.text("deltas.built"),
        status.text("deltas.queued"));
}

Status show_status(Context& context, const SimpleOptions& options) {
    TRY(auto* hub, context.hub());
    if (!options.first.empty()) {
        TRY(const auto deployment, get_deployment(*hub, options.first));
        context.show(deployment, format_deployment);
        return {};
    }
    TRY(const auto status, hub->get("/v1/status"));
    if (context.json()) {
        context.print(status.json());
        return {};
    }
    TRY(const auto deployments, hub->get("/v1/deployments?limit=10"));
    std::vector<std::vector<std::string>> rows{
        {"DEPLOYMENT", "RELEASE", "STATE", "ACTIVE", "REFUSED", "CREATED"}};
    for (const auto& item : deployments.list("items")) {
        rows.push_back(
            {item.text("id"),
             fmt::format("{}@{}:{}", item.text("package"), item.text("version"),
                         item.text("variant")),
             item.text("state"),
             fmt::format("{}/{}", item.text("totals.active"), item.text("totals.devices")),
             item.text("totals.refused"), item.text("created")});
    }
    context.print(hub_status(status) + (rows.size() > 1 ? "\n" + format_table(rows) : ""));
    return {};
}

// Prints server-sent events (WHATWG HTML, section 9.2) as they arrive.
class EventPrinter final : public net::ResponseSink {
public:
    explicit EventPrinter(const Context& context) : context_(&context) {}

    [[nodiscard]] Result<bool> head(const net::ClientResponse& response) override {
        began_ = response.status == 200;
        return began_;
    }
    /// Whether the hub has agreed to send events.
    [[nodiscard]] bool began() const { return began_; }
    [[nodiscard]] boost::asio::awaitable<Status> data(ByteSpan bytes) override {
        buffer_ += as_text(bytes);
        for (auto end = buffer_.find('\n'); end != std::string::npos; end = buffer_.find('\n')) {
            line(buffer_.substr(0, end));
            buffer_.erase(0, end + 1);
        }
        co_return Status{};
    }
    [[nodiscard]] const std::string& cursor() const { return cursor_; }

private:
    void line(const std::string& text) {
        if (text.starts_with("id:")) cursor_ = value(text);
        if (text.starts_with("event:")) type_ = value(text);
        if (!text.starts_with("data:")) return;
        if (context_->json()) {
            context_->print(value(text));
            return;
        }
        context_->print(fmt::format("{:<22} {}", type_, value(text)));
    }
    static std::string value(const std::string& text) {
        const auto start = text.find_first_not_of(' ', text.find(':') + 1);
        return start == std::string::npos ? std::string() : text.substr(start);
    }

    const Context* context_;
    bool began_ = false;
    std::string buffer_;
    std::string type_;
    std::string cursor_;
};

Status watch(Context& context, const SimpleOptions& options) {
    TRY(auto* hub, context.hub());
    EventPrinter printer(context);
    net::ClientRequest request;
    request.url = "/v1/events" +
                  (options.filter.empty() ? "" : "?since=" + net::percent_encode(options.filter));
    request.headers.set("Accept", "text/event-stream");
    const auto until =
        options.number ? Deadline::after(std::chrono::seconds(*options.number)) : Deadline::never();
    request.deadline = until;
    auto response = hub->send(std::move(request), printer);
    // Any other time-out, such as a hub that does not answer, is none that was asked for.
    if (!response && printer.began() && until.passed()) return {};
    if (!response) return response.error();
    if (response->status >= 400) return net::to_error(*response, "watch");
    return {};
}

Status audit(Context& context, const SimpleOptions& options) {
    TRY(auto* hub, context.hub());
    TRY(const auto page, hub->get(fmt::format("/v1/audit?limit={}", options.number.value_or(50))));
    show_list(
        context, page.list("items"), {"TIME", "ACTOR", "ACTION", "OBJECT", "OUTCOME", "FROM"},
        [](const Document& item) -> std::vector<std::string> {
            return {item.text("time"),   item.text("actor"),   item.text("action"),
                    item.text("object"), item.text("outcome"), item.text("address")};
        },
        "Nothing recorded yet.");
    return {};
}

Status deltas(Context& context, const SimpleOptions& /*options*/) {
    TRY(auto* hub, context.hub());
    TRY(const auto items, hub->get_all("/v1/deltas"));
    show_list(
        context, items, {"BASE", "TARGET", "STATE", "DELTA", "FULL", "BUILD"},
        [](const Document& item) -> std::vector<std::string> {
            return {item.text("base").substr(0, 12),
                    item.text("target").substr(0, 12),
                    item.text("state"),
                    format_bytes(item.integer("size")),
                    format_bytes(item.integer("full_size")),
                    format_duration_ms(item.integer("build_ms"))};
        },
        "No deltas yet.");
    return {};
}

}  // namespace

void add_status_commands(Commands& commands) {
    commands.push_back(std::make_unique<SimpleCommand>(
        "status", "Show the hub, or one deployment",
        [](Arguments& arguments, SimpleOptions& options) {
            arguments.positional("deployment", options.first, "deployment id", false);
        },
        show_status));
    commands.push_back(std::make_unique<SimpleCommand>(
        "watch", "Print events as they happen",
        [](Arguments& arguments, SimpleOptions& options) {
            arguments.option("--since", options.filter, "start after this cursor");
            arguments.option("--for", options.number, "stop after so many seconds");
        },
        watch));
    commands.push_back(std::make_unique<SimpleCommand>(
        "audit", "Show who did what, newest first",
        [](Arguments& arguments, SimpleOptions& options) {
            arguments.option("--limit", options.number, "number of entries (50)");
        },
        audit));
    commands.push_back(std::make_unique<SimpleCommand>(
        "delta list", "List the deltas that the hub has made", no_arguments, deltas));
}

}  // namespace strandline::cli
