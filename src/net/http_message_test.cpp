#include "net/http_message.h"

#include <gtest/gtest.h>

#include "net/http_client.h"
#include "net/http_date.h"
#include "net/response_head.h"

namespace strandline::net {
namespace {

TEST(Headers, CompareNamesWithoutCase) {
    Headers headers;
    headers.add("Content-Type", "a");
    headers.add("X", "1");
    headers.add("x", "2");
    EXPECT_EQ(headers.find("CONTENT-type"), "a");
    headers.set("X", "3");
    EXPECT_EQ(headers.fields().size(), 2U);
    headers.erase("content-type");
    EXPECT_EQ(headers.find("Content-Type"), std::nullopt);
}

TEST(PercentDecode, RefusesWhatIsMalformed) {
    EXPECT_EQ(percent_decode("a%20b%2Fc+d"), "a b/c+d");
    EXPECT_EQ(percent_decode("a+b", true), "a b");
    for (const auto* const bad : {"%", "%4", "%zz", "a%00b"})
        EXPECT_FALSE(percent_decode(bad)) << bad;
}

TEST(PercentEncode, IsUndoneByDecoding) {
    const std::string text = "a b/c?d=\xc3\xa9~-._";
    EXPECT_EQ(percent_encode("a b/"), "a%20b%2F");
    EXPECT_EQ(percent_decode(percent_encode(text)), text);
}

TEST(ErrorResponse, RoundsRetryAfterUp) {
    auto error = fail(Errc::exhausted, "full \"now\"");
    error.retry_after = std::chrono::milliseconds{1001};
    const auto response = error_response(error);
    EXPECT_EQ(response.status, 429);
    EXPECT_EQ(response.headers.find("Retry-After"), "2");
    EXPECT_EQ(std::get<std::string>(response.body),
              R"({"error":{"code":"exhausted","message":"full \"now\""}})");
}

TEST(HttpDate, ReadsAllThreeForms) {
    const WallTime expected{std::chrono::seconds{784'111'777}};
    EXPECT_EQ(to_http_date(expected), "Sun, 06 Nov 1994 08:49:37 GMT");
    EXPECT_EQ(from_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), expected);
    EXPECT_EQ(from_http_date("Sunday, 06-Nov-94 08:49:37 GMT"), expected);
    EXPECT_EQ(from_http_date("Sun Nov  6 08:49:37 1994"), expected);
    for (const auto* const bad :
         {"", "now", "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT",
          "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 06 Nov 39883988 08:49:37 GMT"}) {
        EXPECT_EQ(from_http_date(bad), std::nullopt) << bad;
    }
}

TEST(RetryAfter, ReadsSecondsAndDates) {
    const WallTime now{std::chrono::seconds{784'111'777}};
    EXPECT_EQ(parse_retry_after("120", now), std::chrono::seconds{120});
    EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:47 GMT", now), std::chrono::seconds{10});
    EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:00:00 GMT", now), std::chrono::seconds{0});
    for (const auto* const bad : {"", "-1", "+1", "soon", "1.5"}) {
        EXPECT_EQ(parse_retry_after(bad, now), std::nullopt) << bad;
    }
    // Nonsense, but it says "later", so it must not become "at once".
    for (const auto* const late :
         {"99999999999", "99999999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"}) {
        EXPECT_EQ(parse_retry_after(late, now), std::chrono::hours{366 * 24}) << late;
    }
}

TEST(RetryAfter, MeasuresADateAgainstTheServersOwnClock) {
    ClientResponse response;
    response.headers.set("Date", "Sun, 06 Nov 1994 08:49:37 GMT");
    response.headers.set("Retry-After", "Sun, 06 Nov 1994 08:49:47 GMT");
    EXPECT_EQ(retry_after(response), std::chrono::seconds{10});
    response.headers.set("Retry-After", "3");
    EXPECT_EQ(retry_after(response), std::chrono::seconds{3});
    response.headers.erase("Retry-After");
    EXPECT_EQ(retry_after(response), std::nullopt);
}

TEST(ResponseHead, KeepsHandlersFromBreakingTheFraming) {
    Headers headers;
    headers.add("X", "a\r\nSet-Cookie: evil");
    headers.add("Content-Length", "999");
    headers.add("transfer-encoding", "chunked");
    HeadFrame frame;
    frame.content_length = 2;
    frame.server_name = "s";
    frame.date = "d";
    std::string text;
    write_response_head(text, frame, headers);
    EXPECT_EQ(text,
              "HTTP/1.1 200 OK\r\nServer: s\r\nDate: d\r\nX: a  Set-Cookie: evil\r\n"
              "Content-Length: 2\r\n\r\n");
}

}  // namespace
}  // namespace strandline::net
