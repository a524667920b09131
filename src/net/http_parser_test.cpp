#include "net/http_parser.h"

#include <array>
#include <gtest/gtest.h>

namespace strandline::net {
namespace {

constexpr std::string_view post_head =
    "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Decodes a body that arrives `step` bytes at a time; what is decoded, or "error", or "more".
std::string decode(std::string_view body, std::size_t step, std::size_t room) {
    HttpParser parser(HeadLimits{});
    parser.start(HttpParser::Kind::request);
    EXPECT_EQ(parser.read_head(post_head), post_head.size());
    std::string decoded;
    std::array<std::byte, 64> out{};
    std::size_t window = 0;
    while (!parser.done()) {
        window = std::min(window + step, body.size());
        const auto read =
            parser.read_body(as_bytes(body.substr(0, window)), std::span(out).first(room));
        if (!read) return "error";
        decoded += as_text(ByteSpan(out).first(read->produced));
        body.remove_prefix(read->consumed);
        window -= read->consumed;
        if (read->consumed == 0 && window == body.size()) return "more";
    }
    return decoded;
}

struct ChunkCase {
    std::string_view body;
    std::string_view decoded;
};

class Chunks : public ::testing::TestWithParam<ChunkCase> {};

TEST_P(Chunks, AreTheSameInPiecesOfEverySize) {
    for (std::size_t step = 1; step <= GetParam().body.size(); ++step) {
        for (const std::size_t room : {1U, 3U, 64U}) {
            EXPECT_EQ(decode(GetParam().body, step, room), GetParam().decoded)
                << "step " << step << " room " << room;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(
    Bodies, Chunks,
    ::testing::Values(
        ChunkCase{"0\r\n\r\n", ""}, ChunkCase{"00\r\n\r\n", ""},
        ChunkCase{"0\r\nTrailer: x\r\n\r\n", ""}, ChunkCase{"1\r\na\r\n0\r\n\r\n", "a"},
        ChunkCase{"3;x=\"y\"\r\nabc\r\nB\r\n0123456789a\r\n0\r\n\r\n", "abc0123456789a"},
        ChunkCase{"0\r\n", "more"}, ChunkCase{"5\r\nab", "more"},
        ChunkCase{"1\r\nab\r\n0\r\n\r\n", "error"}, ChunkCase{"-1\r\na\r\n", "error"},
        ChunkCase{"0x1\r\na\r\n\r\n", "error"}, ChunkCase{"10000000000000000\r\n", "error"},
        ChunkCase{"\r\n0\r\n\r\n", "error"}));

TEST(HttpParser, ReadsOneHeadAfterTheOther) {
    HttpParser parser(HeadLimits{});
    const std::string_view head = "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    for (int i = 0; i < 3; ++i) {
        parser.start(HttpParser::Kind::request);
        for (std::size_t size = 0; size < head.size(); ++size) {
            ASSERT_EQ(parser.read_head(head.substr(0, size)), std::size_t{0});
        }
        ASSERT_EQ(parser.read_head(std::string(head) + "GET"), head.size());
        EXPECT_TRUE(parser.done());
        EXPECT_FALSE(parser.head().keep_alive);
        EXPECT_EQ(parser.head().headers.find("host"), "a");
    }
}

TEST(HttpParser, KnowsWhichAnswersHaveNoBody) {
    HttpParser parser(HeadLimits{});
    const std::string_view head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    parser.start(HttpParser::Kind::response_to_head);
    ASSERT_EQ(parser.read_head(head), head.size());
    EXPECT_TRUE(parser.done());
    parser.start(HttpParser::Kind::response);
    ASSERT_EQ(parser.read_head(head), head.size());
    EXPECT_FALSE(parser.done());
    EXPECT_EQ(parser.raw_bytes_left(), 5U);
}

}  // namespace
}  // namespace strandline::net
