#include "net/http_client.h"

#include <atomic>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/http_test_kit.h"
#include "net/raw_server.h"

namespace strandline::net {
namespace {

using testing::fetch;
using ::testing::HasSubstr;
using testing::pattern;
using testing::RawServer;
using testing::TestServer;

ClientRequest get_request(std::string url) {
    ClientRequest request;
    request.url = std::move(url);
    request.deadline = Deadline::after(std::chrono::seconds{10});
    return request;
}

struct UrlCase {
    std::string_view text;
    bool good;
    std::string_view origin;
    std::string_view target;
};

class UrlTable : public ::testing::TestWithParam<UrlCase> {};

TEST_P(UrlTable, Parses) {
    const auto url = Url::parse(GetParam().text);
    ASSERT_EQ(url.has_value(), GetParam().good);
    if (!url) return;
    EXPECT_EQ(url->origin(), GetParam().origin);
    EXPECT_EQ(url->target, GetParam().target);
}

INSTANTIATE_TEST_SUITE_P(
    Texts, UrlTable,
    ::testing::Values(UrlCase{"http://a.example", true, "http://a.example", "/"},
                      UrlCase{"HTTPS://A.Example:443/x?y#z", true, "https://a.example", "/x?y"},
                      UrlCase{"http://[::1]:8080?q", true, "http://[::1]:8080", "/?q"},
                      UrlCase{"ftp://a", false, "", ""}, UrlCase{"http://", false, "", ""},
                      UrlCase{"http://a:0", false, "", ""},
                      UrlCase{"http://a:70000", false, "", ""},
                      UrlCase{"http://a:8x", false, "", ""}, UrlCase{"http://u:p@a", false, "", ""},
                      UrlCase{"http://a/b c", false, "", ""}, UrlCase{"http://[::1", false, "", ""},
                      UrlCase{"http://a\r\nb/", false, "", ""}, UrlCase{"a/b", false, "", ""}));

struct AnswerCase {
    std::string_view name;
    std::string_view answer;
    Errc code;
    std::string_view message;
};

class BadAnswers : public ::testing::TestWithParam<AnswerCase> {};

TEST_P(BadAnswers, AreErrors) {
    RawServer server({std::string(GetParam().answer)});
    ClientOptions options;
    options.max_body_bytes = 100;
    const auto response = fetch(get_request(server.url("/")), options);
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, GetParam().code) << response.error().message;
    EXPECT_THAT(response.error().message, HasSubstr(std::string(GetParam().message)));
}

INSTANTIATE_TEST_SUITE_P(
    Answers, BadAnswers,
    ::testing::Values(
        AnswerCase{"Nothing", "", Errc::unavailable, "closed"},
        AnswerCase{"Rubbish", "SSH-2.0-x\r\n\r\n", Errc::corrupt, "malformed"},
        AnswerCase{"CutHead", "HTTP/1.1 200 OK\r\nContent-", Errc::unavailable, "closed"},
        AnswerCase{"CutBody", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", Errc::unavailable,
                   "after 3 of 10 bytes"},
        AnswerCase{"CutChunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
                   Errc::unavailable, "after 2 bytes"},
        AnswerCase{"BadChunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                   Errc::corrupt, "malformed"},
        AnswerCase{"TwoLengths",
                   "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                   Errc::corrupt, "malformed"},
        AnswerCase{"TooLarge", "HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n", Errc::corrupt,
                   "larger than 100"},
        AnswerCase{"EndlessInterim",
                   "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 100 C\r\n\r\nHTTP/1.1 100 C\r\n\r\n"
                   "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 100 C\r\n\r\nHTTP/1.1 100 C\r\n\r\n"
                   "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 100 C\r\n\r\nHTTP/1.1 100 C\r\n\r\n"
                   "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 100 C\r\n\r\nHTTP/1.1 100 C\r\n\r\n",
                   Errc::corrupt, "interim"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(HttpClient, SkipsInterimAnswers) {
    RawServer server(
        {"HTTP/1.1 103 Early\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n"
         "Content-Length: 2\r\n\r\nok"});
    const auto response = fetch(get_request(server.url("/")));
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->body, "ok");
}

TEST(HttpClient, ReadsABodyUpToTheEndOfTheConnection) {
    RawServer server({"HTTP/1.1 200 OK\r\n\r\n" + pattern(5000)});
    const auto response = fetch(get_request(server.url("/")));
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->body, pattern(5000));
}

TEST(HttpClient, RepeatsAnIdempotentRequestOnAStaleConnection) {
    // The first connection answers once and closes on the second request.
    const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    RawServer server({answer, answer}, RawServer::Mode::close_on_second_request);
    Runtime runtime({});
    const auto client = HttpClient::create(runtime, {});
    ASSERT_TRUE(client);
    for (int i = 0; i < 2; ++i) {
        const auto response = runtime.block_on((*client)->send(get_request(server.url("/"))));
        ASSERT_TRUE(response) << response.error().message;
        EXPECT_EQ(response->body, "ok");
    }
    EXPECT_EQ(server.connections(), 2);
}

TEST(HttpClient, DoesNotRepeatAPost) {
    const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    RawServer server({answer, answer}, RawServer::Mode::close_on_second_request);
    Runtime runtime({});
    const auto client = HttpClient::create(runtime, {});
    ASSERT_TRUE(client);
    auto first = runtime.block_on((*client)->send(get_request(server.url("/"))));
    ASSERT_TRUE(first);
    auto request = get_request(server.url("/"));
    request.method = Method::post;
    const auto second = runtime.block_on((*client)->send(std::move(request)));
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::unavailable);
}

TEST(HttpClient, GivesUpAtTheDeadline) {
    RawServer server({}, RawServer::Mode::silent);
    auto request = get_request(server.url("/"));
    request.deadline = Deadline::after(std::chrono::milliseconds{50});
    const auto response = fetch(std::move(request));
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, Errc::timeout);
}

TEST(HttpClient, WaitsForAnAnswerAsLongAsTheRequestSays) {
    RawServer server({}, RawServer::Mode::silent);
    auto request = get_request(server.url("/"));
    request.deadline = Deadline::never();
    request.answer_timeout = std::chrono::milliseconds{50};
    ClientOptions options;
    options.idle_timeout = std::chrono::hours{1};
    const auto response = fetch(std::move(request), options);
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, Errc::timeout);
}

TEST(HttpClient, GivesUpOnATlsHandshakeThatHangs) {
    RawServer server({}, RawServer::Mode::silent);
    auto request = get_request("https" + server.url("/").substr(4));
    ClientOptions options;
    options.connect_timeout = std::chrono::milliseconds{50};
    const auto response = fetch(std::move(request), options);
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, Errc::timeout);
}

TEST(HttpClient, NamesARefusedConnection) {
    std::string url;
    {
        RawServer server({}, RawServer::Mode::silent);
        url = server.url("/");
    }
    const auto response = fetch(get_request(url));
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, Errc::unavailable);
    EXPECT_THAT(response.error().message, HasSubstr("refused"));
}

TEST(HttpClient, RefusesALineBreakInAHeader) {
    auto request = get_request("http://127.0.0.1:1/");
    request.headers.set("A", "b\r\nC: d");
    const auto response = fetch(std::move(request));
    ASSERT_FALSE(response);
    EXPECT_NE(response.error().code, Errc::internal);
}

class Collector final : public ResponseSink {
public:
    Result<bool> head(const ClientResponse& response) override { return response.status == 200; }
    asio::awaitable<Status> data(ByteSpan bytes) override {
        text += as_text(bytes);
        if (text.size() > limit) co_return fail(Errc::exhausted, "enough");
        co_return Status{};
    }
    std::string text;
    std::size_t limit = std::size_t{1} << 30;
};

asio::awaitable<Result<Response>> large(Request& /*request*/) {
    co_return text_response(200, pattern(5'000'000));
}

asio::awaitable<Result<Response>> missing(Request& /*request*/) {
    auto error = fail(Errc::exhausted, "come back later");
    error.retry_after = std::chrono::milliseconds{1500};
    co_return error;
}

Router make_router() {
    Router router;
    router.add(Method::get, "/large", large);
    router.add(Method::get, "/missing", missing);
    return router;
}

Result<ClientResponse> collect(const std::string& url, Collector& sink) {
    Runtime runtime({});
    TRY(const auto client, HttpClient::create(runtime, {}));
    return runtime.block_on(client->send(get_request(url), sink));
}

TEST(HttpClient, StreamsAnAnswerToASink) {
    TestServer server(make_router(), {});
    Collector sink;
    const auto response = collect(server.url("/large"), sink);
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->body, "");
    EXPECT_TRUE(sink.text == pattern(5'000'000));
}

TEST(HttpClient, EndsTheTransferWithTheSinksError) {
    TestServer server(make_router(), {});
    Collector sink;
    sink.limit = 1000;
    const auto response = collect(server.url("/large"), sink);
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, Errc::exhausted);
}

TEST(HttpClient, BuffersWhatTheSinkDoesNotWant) {
    TestServer server(make_router(), {});
    Collector sink;
    const auto response = collect(server.url("/missing"), sink);
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(sink.text, "");
    const auto error = to_error(*response, "fetch");
    EXPECT_EQ(error.code, Errc::exhausted);
    EXPECT_EQ(error.message, "fetch: come back later");
    EXPECT_EQ(error.retry_after, std::chrono::seconds{2});
}

TEST(ToError, ReadsAForeignAnswer) {
    ClientResponse response;
    response.status = 404;
    response.body = "<html>";
    const auto error = to_error(response, "fetch");
    EXPECT_EQ(error.code, Errc::not_found);
    EXPECT_THAT(error.message, HasSubstr("404"));
}

}  // namespace
}  // namespace strandline::net
