#include <fmt/core.h>

#include "cli/simple_command.h"
#include "net/http_message.h"

namespace strandline::cli {
namespace {

class TokenCreateCommand final : public Command {
public:
    [[nodiscard]] std::string_view name() const override { return "token create"; }
    [[nodiscard]] std::string_view summary() const override {
        return "Make a join token for devices, or with --operator a token for a person or job";
    }
    void declare(Arguments& arguments) override {
        arguments.option("--uses", uses_, "how many devices may join with it (1)");
        arguments.option("--expires", expires_s_, "seconds until it expires (86400)");
        arguments.repeated("--label", labels_,
                           "label key=value of the devices that join; repeat for more");
        arguments.option("--cluster", cluster_, "cluster that the devices join");
        arguments.option("--operator", operator_, "name of the person or job");
        arguments.option("--role", role_, "viewer, operator or admin (with --operator)");
    }
    [[nodiscard]] Status run(Context& context) override {
        TRY(auto* hub, context.hub());
        ObjectBuilder body;
        if (expires_s_) body.integer("expires_in_s", *expires_s_);
        Result<Document> made = fail(Errc::internal, "");
        if (operator_.empty()) {
            TRY(const auto labels, parse_labels(labels_, "--label"));
            if (uses_) body.integer("uses", *uses_);
            body.object("labels", labels).text_if("cluster", cluster_);
            made = hub->post("/v1/join-tokens", body.json());
        } else {
            body.text("name", operator_).text("role", role_.empty() ? "viewer" : role_);
            made = hub->post("/v1/tokens", body.json());
        }
        if (!made) return made.error();
        // Only the token on standard output, so that a script can keep it in a variable.
        context.show(*made, [](const Document& item) { return item.text("token"); });
        return {};
    }

private:
    std::optional<std::int64_t> uses_;
    std::optional<std::int64_t> expires_s_;
    std::vector<std::string> labels_;
    std::string cluster_;
    std::string operator_;
    std::string role_;
};

Status list_tokens(Context& context, const SimpleOptions& options) {
    TRY(auto* hub, context.hub());
    TRY(const auto items, hub->get_all(options.flag ? "/v1/tokens" : "/v1/join-tokens"));
    show_list(
        context, items, {"ID", "NAME", "ROLE", "USES LEFT", "EXPIRES"},
        [](const Document& item) -> std::vector<std::string> {
            return {item.text("id"), item.text("name"), item.text("role"), item.text("uses_left"),
                    item.text("expires")};
        },
        "No tokens.");
    return {};
}

Status delete_token(Context& context, const SimpleOptions& options) {
    TRY(auto* hub, context.hub());
    const char* path = options.flag ? "/v1/tokens/" : "/v1/join-tokens/";
    TRY(hub->remove(path + net::percent_encode(options.first)));
    context.print(context.json() ? "{}" : options.first + " deleted");
    return {};
}

}  // namespace

void add_token_commands(Commands& commands) {
    commands.push_back(std::make_unique<TokenCreateCommand>());
    commands.push_back(std::make_unique<SimpleCommand>(
        "token list", "List join tokens",
        [](Arguments& arguments, SimpleOptions& options) {
            arguments.flag("--operators", options.flag, "list operator tokens instead");
        },
        list_tokens));
    commands.push_back(std::make_unique<SimpleCommand>(
        "token delete", "Delete a join token",
        [](Arguments& arguments, SimpleOptions& options) {
            arguments.positional("id", options.first, "token id", true);
            arguments.flag("--operators", options.flag, "an operator token");
        },
        delete_token));
}

}  // namespace strandline::cli
