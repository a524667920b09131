#include "net/http_server.h"

#include <atomic>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdexcept>

#include "net/http_test_kit.h"

namespace strandline::net {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::RawClient;
using testing::status_of;
using testing::TestServer;

asio::awaitable<Result<Response>> hello(Request& /*request*/) {
    co_return text_response(200, "hello");
}

asio::awaitable<Result<Response>> echo(Request& request) {
    co_return text_response(200, request.body);
}

asio::awaitable<Result<Response>> count(Request& request) {
    Bytes buffer(16 * 1024);
    std::uint64_t total = 0;
    for (;;) {
        CO_TRY(const auto size, co_await request.stream->read(buffer));
        if (size == 0) break;
        total += size;
    }
    co_return text_response(200, std::to_string(total));
}

asio::awaitable<Result<Response>> refuse_upload(Request& /*request*/) {
    co_return fail(Errc::forbidden, "no uploads today");
}

asio::awaitable<Result<Response>> throws(Request& /*request*/) {
    throw std::runtime_error("boom");
    co_return text_response(200, "never");
}

std::optional<Result<Response>> quick(const Request& request) {
    const auto& name = request.param("name");
    if (name == "throw") throw std::runtime_error("boom");
    if (name == "slow") return std::nullopt;
    if (name == "none") return fail(Errc::not_found, "nothing of that name");
    return text_response(200, "quick " + name);
}

asio::awaitable<Result<Response>> hang(Request& /*request*/) {
    co_await sleep_for(std::chrono::seconds(3));
    co_return text_response(200, "late");
}

asio::awaitable<Status> three_lines(BodyWriter& out) {
    for (int i = 0; i < 3; ++i) CO_TRY(co_await out.write(as_bytes("line\n")));
    co_return Status{};
}

asio::awaitable<Status> broken_body(BodyWriter& out) {
    CO_TRY(co_await out.write(as_bytes("half")));
    co_return fail(Errc::unavailable, "the source is gone");
}

asio::awaitable<Result<Response>> stream_lines(Request& /*request*/) {
    Response response;
    response.body = StreamBody(three_lines);
    co_return response;
}

asio::awaitable<Result<Response>> stream_broken(Request& /*request*/) {
    Response response;
    response.body = StreamBody(broken_body);
    co_return response;
}

asio::awaitable<Result<Response>> tagged(Request& /*request*/) {
    auto response = text_response(200, "tagged");
    response.headers.set("ETag", "\"v1\"");
    co_return response;
}

Router make_router() {
    Router router;
    RouteOptions streaming;
    streaming.streaming_body = true;
    streaming.max_body_bytes = 1 << 30;
    RouteOptions small;
    small.max_body_bytes = 16;
    RouteOptions hasty;
    hasty.deadline = std::chrono::milliseconds{50};
    router.add(Method::get, "/hello", hello);
    router.add(Method::post, "/echo", echo);
    router.add(Method::post, "/small", echo, small);
    router.add(Method::post, "/count", count, streaming);
    router.add(Method::post, "/refuse", refuse_upload, streaming);
    router.add(Method::get, "/throws", throws);
    router.add(Method::get, "/hang", hang, hasty);
    router.add(Method::get, "/lines", stream_lines);
    router.add(Method::get, "/broken", stream_broken);
    router.add(Method::get, "/tagged", tagged);
    router.add_blocking(Method::get, "/blocking/{name}", [](Request& request) -> Result<Response> {
        return text_response(200, "hi " + request.param("name"));
    });
    router.add_blocking(
        Method::get, "/quick/{name}",
        [](Request& request) -> Result<Response> {
            return text_response(200, "pool " + request.param("name"));
        },
        {}, quick);
    router.add_blocking(Method::get, "/blocking-throws",
                        [](Request&) -> Result<Response> { throw std::runtime_error("boom"); });
    return router;
}

ServerOptions quick_options() {
    ServerOptions options;
    options.header_timeout = std::chrono::milliseconds{150};
    options.idle_timeout = std::chrono::milliseconds{300};
    return options;
}

TEST(HttpServer, AnswersAndKeepsTheConnection) {
    TestServer server(make_router(), {});
    RawClient client(server.port());
    for (int i = 0; i < 3; ++i) {
        client.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
        const auto response = client.read_response();
        EXPECT_EQ(status_of(response), 200);
        EXPECT_THAT(response, HasSubstr("\r\n\r\nhello"));
        EXPECT_THAT(response, HasSubstr("Server: strandline\r\n"));
        EXPECT_THAT(response, HasSubstr("Date: "));
        EXPECT_THAT(response, Not(HasSubstr("Connection: close")));
    }
}

TEST(HttpServer, AnswersPipelinedRequestsInOrder) {
    TestServer server(make_router(), {});
    RawClient client(server.port());
    std::string burst;
    for (int i = 0; i < 100; ++i) {
        const auto text = std::to_string(i);
        burst +=
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(text.size()) +
            "\r\n\r\n" + text;
    }
    client.send(burst);
    for (int i = 0; i < 100; ++i) {
        EXPECT_THAT(client.read_response(), ::testing::EndsWith("\r\n\r\n" + std::to_string(i)));
    }
}

struct RawCase {
    std::string_view name;
    std::string_view request;
    int status;
    bool closes;
};

class HttpServerRaw : public ::testing::TestWithParam<RawCase> {};

TEST_P(HttpServerRaw, AnswersWith) {
    TestServer server(make_router(), {});
    RawClient client(server.port());
    client.send(GetParam().request);
    const auto response = client.read_response();
    EXPECT_EQ(status_of(response), GetParam().status) << response;
    const bool has_error = response.find("{\"error\":{\"code\":") != std::string::npos;
    EXPECT_EQ(has_error, status_of(response) >= 400) << response;
    const bool says_close = response.find("Connection: close") != std::string::npos;
    EXPECT_EQ(says_close, GetParam().closes) << response;
    if (GetParam().closes) {
        EXPECT_EQ(client.read_to_end(), "");
    } else {
        client.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
        EXPECT_EQ(status_of(client.read_response()), 200);
    }
}

INSTANTIATE_TEST_SUITE_P(
    Requests, HttpServerRaw,
    ::testing::Values(
        RawCase{"NotFound", "GET /none HTTP/1.1\r\nHost: x\r\n\r\n", 404, false},
        RawCase{"WrongMethod", "PUT /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 405,
                false},
        RawCase{"UnknownMethod", "BREW /hello HTTP/1.1\r\nHost: x\r\n\r\n", 501, true},
        RawCase{"NoHost", "GET /hello HTTP/1.1\r\n\r\n", 400, true},
        RawCase{"TwoHosts", "GET /hello HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400, true},
        RawCase{"OldVersion", "GET /hello HTTP/1.0\r\n\r\n", 200, true},
        RawCase{"BadVersion", "GET /hello HTTP/2.0\r\nHost: x\r\n\r\n", 400, true},
        RawCase{"AskedToClose", "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200,
                true},
        RawCase{"LeadingEmptyLine", "\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n", 200, false},
        RawCase{"AbsoluteForm", "GET http://x/hello?a=b HTTP/1.1\r\nHost: x\r\n\r\n", 200, false},
        RawCase{"NotAPath", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 400, true},
        RawCase{"BadPercent", "GET /hel%zzlo HTTP/1.1\r\nHost: x\r\n\r\n", 400, true},
        RawCase{"HiddenNul", "GET /hello%00 HTTP/1.1\r\nHost: x\r\n\r\n", 400, true},
        RawCase{"RawNul", std::string_view("GET /hello HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n", 40),
                400, true},
        RawCase{"FoldedLine", "GET /hello HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", 400, true},
        RawCase{"BareLineFeed", "GET /hello HTTP/1.1\nHost: x\n\n\r\n\r\n", 400, true},
        RawCase{"SpaceBeforeColon", "GET /hello HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", 400, true},
        RawCase{"Garbage", "\x16\x03\x01\x02\r\n\r\n", 400, true},
        RawCase{"BothLengths",
                "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
                "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                400, true},
        RawCase{"BothLengthsReversed",
                "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
                "Content-Length: 5\r\n\r\n0\r\n\r\n",
                400, true},
        RawCase{"UnknownCoding",
                "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n", 400, true},
        RawCase{"TwoCodings",
                "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 400,
                true},
        RawCase{"CodingInOldVersion",
                "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, true},
        RawCase{
            "TwoLengths",
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            400, true},
        RawCase{"NegativeLength", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
                400, true},
        RawCase{"SignedLength", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\na",
                400, true},
        RawCase{"HugeLength",
                "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
                400, true},
        RawCase{"Chunked",
                "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                "3;ext=1\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n",
                200, false},
        RawCase{"BadChunkSize",
                "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400,
                true},
        RawCase{"HugeChunkSize",
                "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                "fffffffffffffffff\r\n",
                400, true},
        RawCase{"ChunkLongerThanSaid",
                "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                "3\r\nabcd\r\n0\r\n\r\n",
                400, true},
        RawCase{"ChunkedTooLarge",
                "POST /small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                "20\r\n0123456789abcdef0123456789abcdef\r\n0\r\n\r\n",
                413, true},
        RawCase{"StreamedBadChunk",
                "POST /count HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400,
                true},
        RawCase{"HandlerThrows", "GET /throws HTTP/1.1\r\nHost: x\r\n\r\n", 500, false},
        RawCase{"QuickHandlerThrows", "GET /quick/throw HTTP/1.1\r\nHost: x\r\n\r\n", 500, false},
        RawCase{"BlockingHandlerThrows", "GET /blocking-throws HTTP/1.1\r\nHost: x\r\n\r\n", 500,
                false},
        RawCase{"HandlerTooSlow", "GET /hang HTTP/1.1\r\nHost: x\r\n\r\n", 504, false},
        RawCase{"UnreadSmallBody",
                "POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde", 403, false},
        RawCase{"UnreadLargeBody",
                "POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 50000000\r\n\r\nabcde", 403,
                true},
        RawCase{"UndecidedBody",
                "POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
                "Expect: 100-continue\r\n\r\n",
                403, true}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(HttpServer, RefusesAHeaderThatIsTooLarge) {
    ServerOptions options;
    options.max_header_bytes = 1024;
    TestServer server(make_router(), options);
    RawClient client(server.port());
    client.send("GET /hello HTTP/1.1\r\nHost: x\r\nA: " + std::string(4000, 'a') + "\r\n\r\n");
    EXPECT_EQ(status_of(client.read_response()), 431);
}

TEST(HttpServer, RefusesTooManyHeaderFields) {
    TestServer server(make_router(), {});
    RawClient client(server.port());
    std::string request = "GET /hello HTTP/1.1\r\nHost: x\r\n";
    for (int i = 0; i < 200; ++i) request += "A: b\r\n";
    client.send(request + "\r\n");
    EXPECT_EQ(status_of(client.read_response()), 431);
}

TEST(HttpServer, NamesTheAllowedMethods) {
    TestServer server(make_router(), {});
    RawClient client(server.port());
    client.send("PUT /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    EXPECT_THAT(client.read_response(), HasSubstr("Allow: GET, HEAD\r\n"));
}

TEST(HttpServer, AnswersHeadWithTheLengthAlone) {
    TestServer server(make_router(), {});
    RawClient client(server.port());
    client.send("HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    const auto response = client.read_response(true);
    EXPECT_THAT(response, HasSubstr("Content-Length: 5\r\n"));
    client.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(status_of(client.read_response()), 200);
}

TEST(HttpServer, SendsContinueWhenTheHandlerReads) {
    TestServer server(make_router(), {});
    RawClient client(server.port());
    client.send(
        "POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("abcde");
    EXPECT_THAT(client.read_response(), ::testing::EndsWith("\r\n\r\n5"));
}

TEST(HttpServer, RefusesADeclaredLengthWithoutReading) {
    TestServer server(make_router(), {});
    RawClient client(server.port());
    client.send("POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 17\r\n\r\n");
    EXPECT_EQ(status_of(client.read_response()), 413);
}

TEST(HttpServer, StreamsAResponseInChunks) {
    TestServer server(make_router(), {});
    RawClient client(server.port());
    client.send("GET /lines HTTP/1.1\r\nHost: x\r\n\r\n");
    const auto response = client.read_until("0\r\n\r\n");
    EXPECT_THAT(response, HasSubstr("Transfer-Encoding: chunked\r\n"));
    EXPECT_THAT(response, HasSubstr("5\r\nline\n\r\n5\r\nline\n\r\n5\r\nline\n\r\n0\r\n\r\n"));
    client.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(status_of(client.read_response()), 200);
}

TEST(HttpServer, StreamsWithoutChunksToAnOldClient) {
    TestServer server(make_router(), {});
    RawClient client(server.port());
    client.send("GET /lines HTTP/1.0\r\n\r\n");
    EXPECT_THAT(client.read_to_end(), ::testing::EndsWith("\r\n\r\nline\nline\nline\n"));
}

TEST(HttpServer, CutsTheConnectionWhenAStreamedBodyFails) {
    TestServer server(make_router(), {});
    RawClient client(server.port());
    client.send("GET /broken HTTP/1.1\r\nHost: x\r\n\r\n");
    const auto text = client.read_to_end();
    EXPECT_THAT(text, ::testing::EndsWith("4\r\nhalf\r\n"));
}

TEST(HttpServer, AnswersNotModifiedForATaggedText) {
    TestServer server(make_router(), {});
    RawClient client(server.port());
    client.send("GET /tagged HTTP/1.1\r\nHost: x\r\nIf-None-Match: \"v0\", \"v1\"\r\n\r\n");
    const auto response = client.read_response();
    EXPECT_EQ(status_of(response), 304);
    EXPECT_THAT(response, Not(HasSubstr("tagged")));
}

TEST(HttpServer, ClosesASlowHeader) {
    TestServer server(make_router(), quick_options());
    RawClient client(server.port());
    client.send("GET /hello HT");
    EXPECT_EQ(status_of(client.read_to_end()), 408);
}

TEST(HttpServer, ClosesAnIdleConnectionSilently) {
    TestServer server(make_router(), quick_options());
    RawClient client(server.port());
    EXPECT_EQ(client.read_to_end(), "");
}

TEST(HttpServer, AnswersAStalledBodyWithTimeout) {
    TestServer server(make_router(), quick_options());
    for (const auto* const path : {"/echo", "/count"}) {
        RawClient client(server.port());
        client.send(std::string("POST ") + path +
                    " HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
        EXPECT_EQ(status_of(client.read_response()), 408) << path;
        EXPECT_EQ(client.read_to_end(), "");
    }
}

TEST(HttpServer, RunsBlockingHandlersOnThePool) {
    TestServer server(make_router(), {});
    RawClient client(server.port());
    client.send("GET /blocking/an%20n HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(client.read_response(), ::testing::EndsWith("\r\n\r\nhi an n"));
}

TEST(HttpServer, AsksThePoolOnlyWhereAQuickHandlerCannotAnswer) {
    Runtime::Options no_pool;
    no_pool.max_queued_work = 0;
    TestServer server(make_router(), {}, no_pool);
    RawClient client(server.port());
    client.send("GET /quick/one HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(client.read_response(), ::testing::EndsWith("\r\n\r\nquick one"));
    client.send("GET /quick/none HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(status_of(client.read_response()), 404);
    client.send("GET /quick/slow HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(status_of(client.read_response()), 503);
    TestServer with_pool(make_router(), {});
    RawClient other(with_pool.port());
    other.send("GET /quick/slow HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(other.read_response(), ::testing::EndsWith("\r\n\r\npool slow"));
}

TEST(HttpServer, SaysBusyWhenThePoolIsFull) {
    std::promise<void> release;
    const auto gate = release.get_future().share();
    Router router;
    router.add_blocking(Method::get, "/wait", [gate](Request&) -> Result<Response> {
        gate.wait();
        return text_response(200, "done");
    });
    TestServer server(std::move(router), {}, {1, 1});
    std::vector<std::unique_ptr<RawClient>> clients;
    int busy = 0;
    // One runs, one waits in the queue, so the third and fourth cannot be taken.
    for (int i = 0; i < 4; ++i) {
        clients.push_back(std::make_unique<RawClient>(server.port()));
        clients.back()->send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
        ASSERT_TRUE(server.wait_for_connections(static_cast<std::size_t>(i) + 1));
    }
    release.set_value();
    for (auto& client : clients) {
        const auto response = client->read_response();
        if (status_of(response) != 503) continue;
        ++busy;
        EXPECT_THAT(response, HasSubstr("Retry-After: 1\r\n"));
    }
    EXPECT_GE(busy, 1);
}

TEST(HttpServer, LeavesWorkAloneThatNobodyWaitsForAnyMore) {
    std::promise<void> release;
    const auto gate = release.get_future().share();
    std::atomic<int> begun{0};
    Router router;
    RouteOptions hasty;
    hasty.deadline = std::chrono::milliseconds{50};
    const auto count = [&begun](Request&) -> Result<Response> {
        ++begun;
        return text_response(200, "done");
    };
    router.add_blocking(Method::get, "/wait", [gate](Request&) -> Result<Response> {
        gate.wait();
        return text_response(200, "done");
    });
    router.add_blocking(Method::get, "/hasty", count, hasty);
    router.add_blocking(Method::get, "/count", count);
    TestServer server(std::move(router), {}, {1, 16});
    RawClient first(server.port());
    first.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    RawClient second(server.port());
    second.send("GET /hasty HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(status_of(second.read_response()), 504);
    release.set_value();
    EXPECT_EQ(status_of(first.read_response()), 200);
    RawClient third(server.port());
    third.send("GET /count HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(status_of(third.read_response()), 200);
    EXPECT_EQ(begun, 1) << "the hasty one stood before it in the queue";
}

// Bodies of strangers must not fill the memory, however many connections they open.
TEST(HttpServer, BoundsTheMemoryOfAllBodiesTogether) {
    std::promise<void> release;
    const auto gate = release.get_future().share();
    std::promise<void> running;
    Router router;
    RouteOptions large;
    large.max_body_bytes = 100'000;
    router.add_blocking(
        Method::post, "/hold",
        [gate, &running](Request& request) -> Result<Response> {
            if (request.body.size() == 60'000) {
                running.set_value();
                gate.wait();
            }
            return text_response(200, "done");
        },
        large);
    ServerOptions options;
    options.max_body_memory = 80'000;
    TestServer server(std::move(router), options);
    const auto post = [](RawClient& client, std::size_t size) {
        client.send("POST /hold HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(size) +
                    "\r\n\r\n" + std::string(size, 'x'));
    };
    RawClient holder(server.port());
    post(holder, 60'000);
    running.get_future().wait();
    RawClient refused(server.port());
    post(refused, 30'000);
    const auto answer = refused.read_response();
    EXPECT_EQ(status_of(answer), 503);
    EXPECT_THAT(answer, HasSubstr("Retry-After: 1\r\n"));
    for (const std::size_t size : {4'000, 15'000}) {
        RawClient small(server.port());
        post(small, size);
        EXPECT_EQ(status_of(small.read_response()), 200) << size;
    }
    release.set_value();
    EXPECT_EQ(status_of(holder.read_response()), 200);
    holder.close();
    ASSERT_TRUE(server.wait_for_connections(0));
    RawClient later(server.port());
    post(later, 30'000);
    EXPECT_EQ(status_of(later.read_response()), 200);
}

TEST(HttpServer, AnIdleConnectionGivesWayToANewOne) {
    ServerOptions options;
    options.max_connections = 2;
    TestServer server(make_router(), options);
    const std::string hello = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";
    RawClient oldest(server.port());
    oldest.send(hello);
    EXPECT_EQ(status_of(oldest.read_response()), 200);
    RawClient other(server.port());
    other.send(hello);
    EXPECT_EQ(status_of(other.read_response()), 200);
    RawClient fresh(server.port());
    fresh.send(hello);
    EXPECT_EQ(status_of(fresh.read_response()), 200);
    EXPECT_EQ(oldest.read_to_end(), "");
    other.send(hello);
    EXPECT_EQ(status_of(other.read_response()), 200);
}

TEST(HttpServer, TurnsConnectionsAwayBeyondTheLimit) {
    ServerOptions options;
    options.max_connections = 2;
    TestServer server(make_router(), options);
    RawClient one(server.port());
    RawClient two(server.port());
    ASSERT_TRUE(server.wait_for_connections(2));
    RawClient three(server.port());
    EXPECT_EQ(status_of(three.read_to_end()), 503);
    one.close();
    ASSERT_TRUE(server.wait_for_connections(1));
    RawClient four(server.port());
    four.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(status_of(four.read_response()), 200);
}

TEST(HttpServer, ObservesEveryRequest) {
    std::atomic<int> seen{0};
    std::atomic<int> bad{0};
    ServerOptions options;
    options.observe = [&](const Request&, int status, std::uint64_t, std::chrono::nanoseconds) {
        ++seen;
        if (status >= 400) ++bad;
    };
    {
        TestServer server(make_router(), options);
        RawClient client(server.port());
        for (const auto* const path : {"/hello", "/none", "/lines"}) {
            client.send(std::string("GET ") + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
            static_cast<void>(
                client.read_until(path == std::string("/lines") ? "0\r\n\r\n" : "\r\n\r\n"));
        }
        client.send("rubbish\r\n\r\n");
        static_cast<void>(client.read_to_end());
    }
    EXPECT_EQ(seen, 4);
    EXPECT_EQ(bad, 2);
}

}  // namespace
}  // namespace strandline::net
