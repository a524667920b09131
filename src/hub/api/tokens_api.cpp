#include "hub/api/tokens_api.h"

#include "hub/api/api_json.h"

namespace strandline::hub {
namespace {

namespace json = boost::json;
using net::Method;
using net::Request;
using net::Response;

constexpr int created = 201;
constexpr std::int64_t ten_years_s = std::int64_t{10} * 365 * 86'400;

json::object join_token_value(const fleet::JoinToken& token) {
    return {{"id", token.id},
            {"uses", token.uses},
            {"used", token.used},
            {"labels", map_value(token.labels)},
            {"cluster", text_or_null(token.cluster)},
            {"created_by", token.created_by},
            {"created", time_value(token.created)},
            {"expires", time_value(token.expires)}};
}

json::object operator_token_value(const fleet::OperatorToken& token) {
    return {{"id", token.id},
            {"name", token.name},
            {"role", fleet::to_string(token.role)},
            {"created", time_value(token.created)},
            {"expires", time_value(token.expires)}};
}

// A secret must not stay in anybody's cache.
Response secret_answer(const json::object& value) {
    auto response = json_answer(created, value);
    response.headers.set("Cache-Control", "no-store");
    return response;
}

Result<Response> create_join_token(Services& services, const Request& request, Caller& caller) {
    TRY(const auto body, read_body(request, "join token"));
    JsonReader in(body, "join token");
    fleet::JoinTokenRequest wanted;
    constexpr std::int64_t max_uses = 1'000'000;
    wanted.uses = in.integer_or("uses", wanted.uses, 1, max_uses);
    wanted.expires_in = std::chrono::seconds(
        in.integer_or("expires_in_s", wanted.expires_in.count(), 1, ten_years_s));
    wanted.labels = read_map(in, "labels");
    wanted.cluster = in.text_or("cluster", "");
    wanted.created_by = caller.name;
    TRY(in.finish());
    TRY(const auto made,
        services.domain.join_tokens.create(wanted, services.authority.certificate_sha256()));
    caller.object = made.token.id;
    auto out = join_token_value(made.token);
    out["token"] = made.text;
    return secret_answer(out);
}

Result<Response> create_operator_token(Services& services, const Request& request, Caller& caller) {
    TRY(const auto body, read_body(request, "token"));
    JsonReader in(body, "token");
    fleet::OperatorTokenRequest wanted;
    wanted.name = in.text("name");
    const auto role = in.text("role");
    const auto expires = in.integer_or("expires_in_s", 0, 0, ten_years_s);
    TRY(in.finish());
    TRY(wanted.role, fleet::role_from(role));
    if (expires > 0) wanted.expires_in = std::chrono::seconds(expires);
    TRY(const auto made,
        services.domain.operator_tokens.create(wanted, services.authority.certificate_sha256()));
    caller.object = made.token.id;
    auto out = operator_token_value(made.token);
    out["token"] = made.text;
    return secret_answer(out);
}

void add_join_token_routes(Routes& routes, Services& services) {
    routes.add({.pattern = "/v1/join-tokens", .access = Access::operators},
               list_handler(services.domain.join_tokens, join_token_value));
    routes.add({.method = Method::post,
                .pattern = "/v1/join-tokens",
                .access = Access::operators,
                .action = "join-token.create"},
               [&services](Request& request, Caller& caller) {
                   return create_join_token(services, request, caller);
               });
    routes.add({.method = Method::del,
                .pattern = "/v1/join-tokens/{id}",
                .access = Access::operators,
                .action = "join-token.delete"},
               [&services](Request& request, Caller&) -> Result<Response> {
                   TRY(services.domain.join_tokens.remove(request.param("id")));
                   return no_content();
               });
}

}  // namespace

void add_token_routes(Routes& routes, Services& services) {
    add_join_token_routes(routes, services);
    routes.add({.pattern = "/v1/tokens", .access = Access::admin},
               list_handler(services.domain.operator_tokens, operator_token_value));
    routes.add({.method = Method::post,
                .pattern = "/v1/tokens",
                .access = Access::admin,
                .action = "token.create"},
               [&services](Request& request, Caller& caller) {
                   return create_operator_token(services, request, caller);
               });
    routes.add({.method = Method::del,
                .pattern = "/v1/tokens/{id}",
                .access = Access::admin,
                .action = "token.delete"},
               [&services](Request& request, Caller&) -> Result<Response> {
                   TRY(services.domain.operator_tokens.remove(request.param("id")));
                   return no_content();
               });
}

}  // namespace strandline::hub
