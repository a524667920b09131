#include "hub/transfer/multipart.h"

#include <gtest/gtest.h>
#include <vector>

namespace strandline::hub {
namespace {

struct Part {
    PartHead head;
    std::string body = {};
    bool ended = false;
};

class Collector final : public PartSink {
public:
    Status begin(const PartHead& head) override {
        parts.push_back({.head = head});
        return {};
    }
    Status data(ByteSpan bytes) override {
        parts.back().body += as_text(bytes);
        return {};
    }
    Status end() override {
        parts.back().ended = true;
        return {};
    }
    std::vector<Part> parts;
};

constexpr std::string_view type = "multipart/form-data; boundary=XyZ";

Status parse_in_pieces(std::string_view text, std::size_t piece, Collector& out,
                       MultipartLimits limits = {}) {
    TRY(auto parser, MultipartParser::create(type, out, limits));
    for (std::size_t i = 0; i < text.size(); i += piece)
        TRY(parser.feed(as_bytes(text.substr(i, piece))));
    return parser.finish();
}

constexpr std::string_view form =
    "preamble, to be ignored\r\n--XyZ\r\n"
    "Content-Disposition: form-data; name=\"release\"\r\n\r\n"
    "{\"a\":1}\r\n--XyZ  \r\n"
    "content-disposition: form-data; name=file; filename=\"dir/we\\\"ird.onnx\"\r\n"
    "Content-Type: application/octet-stream\r\n\r\n"
    "line\r\n--XyQ not a boundary\r\n\r\n--XyZ\r\n"
    "Content-Disposition: form-data; name=\"empty\"; filename=\"C:\\tmp\\a.bin\"\r\n\r\n"
    "\r\n--XyZ--\r\nepilogue";

TEST(Multipart, LimitsAreTheSameForPiecesOfAnySize) {
    constexpr MultipartLimits limits{.max_head_bytes = 64, .max_parts = 2};
    for (std::size_t length = 0; length < 40; ++length) {
        const std::string filler(length, 'x');
        for (const auto& text :
             {"\r\n--XyZ\r\nContent-Disposition: form-data; name=" + filler +
                  "n\r\n\r\n\r\n--XyZ--",
              "\r\n--XyZ" + std::string(length + 40, ' ') +
                  "\r\nContent-Disposition: form-data; name=n\r\n\r\n\r\n--XyZ--"}) {
            Collector whole;
            const bool taken = parse_in_pieces(text, text.size(), whole, limits).has_value();
            for (const std::size_t piece : {1U, 2U, 3U, 7U}) {
                Collector out;
                EXPECT_EQ(parse_in_pieces(text, piece, out, limits).has_value(), taken)
                    << length << " " << piece;
            }
        }
    }
}

TEST(Multipart, ReadsAFormInPiecesOfAnySize) {
    for (std::size_t piece = 1; piece <= form.size(); ++piece) {
        Collector out;
        const auto status = parse_in_pieces(form, piece, out);
        ASSERT_TRUE(status) << piece << ": " << status.error().message;
        ASSERT_EQ(out.parts.size(), 3U);
        EXPECT_EQ(out.parts[0].head.name, "release");
        EXPECT_FALSE(out.parts[0].head.filename);
        EXPECT_EQ(out.parts[0].body, "{\"a\":1}");
        EXPECT_EQ(out.parts[1].head.name, "file");
        EXPECT_EQ(out.parts[1].head.filename, "dir/we\"ird.onnx");
        EXPECT_EQ(out.parts[1].head.content_type, "application/octet-stream");
        EXPECT_EQ(out.parts[1].body, "line\r\n--XyQ not a boundary\r\n");
        EXPECT_EQ(out.parts[2].head.filename, "C:\\tmp\\a.bin");
        EXPECT_EQ(out.parts[2].body, "");
        EXPECT_TRUE(out.parts[2].ended);
    }
}

TEST(Multipart, TruncatedFormIsRefusedAtEveryByte) {
    const auto closing = form.find("--XyZ--") + 7;
    for (std::size_t size = 0; size < closing; ++size) {
        Collector out;
        const auto status = parse_in_pieces(form.substr(0, size), size + 1, out);
        EXPECT_FALSE(status) << size;
    }
}

TEST(Multipart, DataIsPassedOnBeforeThePartEnds) {
    Collector out;
    auto parser = MultipartParser::create(type, out);
    ASSERT_TRUE(parser);
    const std::string head = "--XyZ\r\nContent-Disposition: form-data; name=a\r\n\r\n";
    ASSERT_TRUE(parser->feed(as_bytes(head)));
    ASSERT_TRUE(parser->feed(as_bytes(std::string(100'000, 'x'))));
    ASSERT_EQ(out.parts.size(), 1U);
    EXPECT_GE(out.parts[0].body.size(), 100'000U - 8);
}

struct BadForm {
    const char* text;
    const char* says;
};
class MultipartRefuses : public testing::TestWithParam<BadForm> {};

TEST_P(MultipartRefuses, Malformed) {
    Collector out;
    const auto status =
        parse_in_pieces(GetParam().text, 7, out, {.max_head_bytes = 64, .max_parts = 2});
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, Errc::invalid);
    EXPECT_NE(status.error().message.find(GetParam().says), std::string::npos)
        << status.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    Table, MultipartRefuses,
    testing::Values(
        BadForm{"", "closing"}, BadForm{"no boundary at all", "closing"},
        BadForm{"--XyZ\r\n\r\nbody\r\n--XyZ--", "no Content-Disposition"},
        BadForm{"--XyZ\r\nContent-Disposition: form-data\r\n\r\n\r\n--XyZ--", "no name"},
        BadForm{"--XyZ\r\nnonsense\r\n\r\nx\r\n--XyZ--", "malformed header"},
        BadForm{"--XyZjunk\r\n", "malformed boundary"},
        BadForm{
            "--XyZ\r\nA: 0123456789012345678901234567890123456789012345678901234567890123456789",
            "longer than 64"},
        BadForm{"--XyZ\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n"
                "--XyZ\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n"
                "--XyZ\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n--XyZ--",
                "more than 2 parts"}));

TEST(Multipart, ContentTypeNeedsAUsableBoundary) {
    Collector out;
    for (const auto* value :
         {"multipart/form-data", "text/plain; boundary=x",
          "multipart/form-data; boundary=", "multipart/form-data; boundary=\"\""}) {
        EXPECT_FALSE(MultipartParser::create(value, out)) << value;
    }
    EXPECT_FALSE(
        MultipartParser::create("multipart/form-data; boundary=" + std::string(71, 'b'), out));
    EXPECT_TRUE(
        MultipartParser::create("Multipart/Form-Data; charset=utf-8; boundary=\"a b\"", out));
}

TEST(Multipart, HeaderParameterHandlesQuotesAndMissingValues) {
    EXPECT_EQ(header_parameter("form-data; name=\"a;b\"; filename=c", "filename"), "c");
    EXPECT_EQ(header_parameter("form-data; name=\"a;b\"; filename=c", "NAME"), "a;b");
    EXPECT_EQ(header_parameter("form-data; flag; name=x", "name"), "x");
    EXPECT_EQ(header_parameter("form-data; name=\"unterminated", "name"), "unterminated");
    EXPECT_FALSE(header_parameter("form-data", "name"));
    EXPECT_FALSE(header_parameter("form-data; =", "name"));
    EXPECT_FALSE(header_parameter(";", "name"));
}

}  // namespace
}  // namespace strandline::hub
