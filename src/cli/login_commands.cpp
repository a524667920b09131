#include <fmt/core.h>

#include "base/sha256.h"
#include "cli/command.h"
#include "cli/context.h"
#include "trust/authority.h"
#include "trust/token.h"

namespace strandline::cli {
namespace {

class LoginCommand final : public Command {
public:
    [[nodiscard]] std::string_view name() const override { return "login"; }
    [[nodiscard]] std::string_view summary() const override {
        return "Remember a hub and an operator token";
    }
    void declare(Arguments& arguments) override {
        arguments.positional("url", url_, "such as https://hub.example:8443", true);
        arguments.option("--token", token_,
                         "operator token; @FILE or - (standard input) keep it out of ps");
    }
    [[nodiscard]] Status run(Context& context) override {
        TRY(const auto text, read_secret(token_.empty() ? "-" : token_));
        TRY(const auto token, trust::Token::parse(text, trust::operator_token_kind));
        Profile profile{url_, text, {}};
        // The token carries the fingerprint of the hub's CA, so even this first contact is
        // authenticated; from now on the CA certificate itself is the anchor.
        TRY(auto pinned, HubClient::create_pinned(profile, token.ca_sha256));
        TRY(profile.ca_pem, pinned->get_text("/v1/hub/ca"));
        profile.url = pinned->url();
        TRY(auto client, HubClient::create(profile));
        TRY(const auto me, client->get("/v1/whoami"));
        TRY(save_profile(context.profile_path(), profile));
        context.show(me, [&](const Document& who) {
            return fmt::format("Logged in to {} as {} ({}).", client->url(), who.text("name"),
                               who.text("role"));
        });
        return {};
    }

private:
    std::string url_;
    std::string token_;
};

class WhoamiCommand final : public Command {
public:
    [[nodiscard]] std::string_view name() const override { return "whoami"; }
    [[nodiscard]] std::string_view summary() const override {
        return "Show the hub and the role of this login";
    }
    void declare(Arguments& /*arguments*/) override {}
    [[nodiscard]] Status run(Context& context) override {
        TRY(auto* hub, context.hub());
        TRY(const auto me, hub->get("/v1/whoami"));
        context.show(me, [&](const Document& who) {
            return fmt::format("{} ({}) at {}", who.text("name"), who.text("role"), hub->url());
        });
        return {};
    }
};

}  // namespace

void add_login_commands(Commands& commands) {
    commands.push_back(std::make_unique<LoginCommand>());
    commands.push_back(std::make_unique<WhoamiCommand>());
}

}  // namespace strandline::cli
