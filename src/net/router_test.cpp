#include "net/router.h"

#include <gtest/gtest.h>

namespace strandline::net {
namespace {

boost::asio::awaitable<Result<Response>> nothing(Request& /*request*/) { co_return Response{}; }

Router make_router() {
    Router router;
    router.add(Method::get, "/", nothing);
    router.add(Method::get, "/v1/devices", nothing);
    router.add(Method::post, "/v1/devices", nothing);
    router.add(Method::get, "/v1/devices/{id}", nothing);
    router.add(Method::get, "/v1/devices/self", nothing);
    router.add(Method::head, "/v1/devices/self", nothing);
    router.add(Method::put, "/v1/{kind}/{id}/members/{member}", nothing);
    router.add(Method::get, "/files/{path...}", nothing);
    router.add(Method::get, "/files/{name}/info", nothing);
    return router;
}

struct RouteCase {
    Method method;
    std::string_view path;
    std::string_view pattern;  ///< empty: not found; "405": other method
    std::string_view params;   ///< name=value;...
};

class RouterTable : public ::testing::TestWithParam<RouteCase> {};

TEST_P(RouterTable, Finds) {
    const auto router = make_router();
    const auto& row = GetParam();
    const auto match = router.find(row.method, row.path);
    if (row.pattern.empty() || row.pattern == "405") {
        ASSERT_FALSE(match);
        EXPECT_EQ(match.error().code, row.pattern.empty() ? Errc::not_found : Errc::invalid);
        return;
    }
    ASSERT_TRUE(match) << match.error().message;
    EXPECT_EQ(match->route->pattern, row.pattern);
    std::string params;
    for (const auto& [name, value] : match->params) params += name + "=" + value + ";";
    EXPECT_EQ(params, row.params);
}

INSTANTIATE_TEST_SUITE_P(
    Paths, RouterTable,
    ::testing::Values(
        RouteCase{Method::get, "/", "/", ""},
        RouteCase{Method::get, "/v1/devices", "/v1/devices", ""},
        RouteCase{Method::head, "/v1/devices", "/v1/devices", ""},
        RouteCase{Method::get, "/v1/devices/", "", ""},
        RouteCase{Method::get, "/v1/devices/d-1", "/v1/devices/{id}", "id=d-1;"},
        RouteCase{Method::get, "/v1/devices/self", "/v1/devices/self", ""},
        RouteCase{Method::head, "/v1/devices/self", "/v1/devices/self", ""},
        RouteCase{Method::del, "/v1/devices/self", "405", ""},
        RouteCase{Method::head, "/v1/a/b/members/c", "405", ""},
        RouteCase{Method::put, "/v1/a/b/members/c", "/v1/{kind}/{id}/members/{member}",
                  "kind=a;id=b;member=c;"},
        RouteCase{Method::get, "/files/a/b/c", "/files/{path...}", "path=a/b/c;"},
        RouteCase{Method::get, "/files/a/info", "/files/{name}/info", "name=a;"},
        RouteCase{Method::get, "/files/", "", ""}, RouteCase{Method::get, "/files", "", ""},
        RouteCase{Method::get, "/v1", "", ""}, RouteCase{Method::get, "//v1/devices", "", ""},
        RouteCase{Method::get, "", "", ""}, RouteCase{Method::get, "v1/devices", "", ""}));

TEST(Router, ListsTheMethodsOfAPath) {
    const auto methods = make_router().allowed("/v1/devices");
    EXPECT_EQ(methods, (std::vector<Method>{Method::get, Method::head, Method::post}));
}

}  // namespace
}  // namespace strandline::net
