#include "base/utf8.h"

#include <gtest/gtest.h>

namespace strandline {
namespace {

TEST(Utf8, TellsWellFormedFromIllFormed) {
    for (const std::string good : {"", "plain", "größe", "\xe2\x82\xac", "\xf0\x9f\x8c\x8a",
                                   "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"}) {
        EXPECT_TRUE(is_utf8(good)) << good;
    }
    for (const std::string bad : {"\x80", "\xc0\xaf", "\xc3", "\xe0\x80\xaf", "\xed\xa0\x80",
                                  "\xf4\x90\x80\x80", "\xff", "a\xe2\x82", "\xe2\x28\xa1"}) {
        EXPECT_FALSE(is_utf8(bad)) << bad;
    }
}

TEST(Utf8, CleansAndCutsBetweenCharacters) {
    struct Case {
        std::string text;
        std::size_t limit;
        std::string expected;
    };
    const Case cases[] = {{"plain", 10, "plain"},
                          {"plain", 3, "pla"},
                          {"a\xff z", 10, "a? z"},
                          {"\xe2\x82\xac", 2, ""},
                          {"a\xe2\x82\xac", 4, "a\xe2\x82\xac"},
                          {"x\xe2\x82", 10, "x??"},
                          {"", 0, ""}};
    for (const auto& test : cases) EXPECT_EQ(clean_text(test.text, test.limit), test.expected);
}

TEST(Utf8, ShowsNothingThatMovesTheCursorOrTurnsTheLine) {
    struct Case {
        std::string text;
        std::string shown;
    };
    const Case cases[] = {{"plain größe \xf0\x9f\x8c\x8a", "plain größe \xf0\x9f\x8c\x8a"},
                          {"a\nb", "a\\x0ab"},
                          {"\x1b[2J", "\\x1b[2J"},
                          {std::string("a\0b", 3), "a\\x00b"},
                          {"\x7f", "\\x7f"},
                          {"\xc2\x9b"
                           "31m",
                           "\\xc2\\x9b31m"},
                          {"\xe2\x80\xae"
                           "gpj",
                           "\\xe2\\x80\\xaegpj"},
                          {"\xe2\x80\xa8", "\\xe2\\x80\\xa8"},
                          {"\xff", "\\xff"},
                          {"\xe2\x82", "\\xe2\\x82"}};
    for (const auto& test : cases) {
        EXPECT_EQ(printable(test.text), test.shown);
        EXPECT_EQ(is_plain_text(test.text), test.text == test.shown) << test.shown;
    }
    EXPECT_EQ(printable("a\n\tb\r", "\n\t"), "a\n\tb\\x0d");
    EXPECT_TRUE(is_plain_text("a\n\tb", "\n\t"));
}

TEST(Utf8, JsonStaysJsonWhenItIsShown) {
    EXPECT_EQ(printable_json("{\"a\": \"\xc2\x9b\xe2\x80\xae\x7f\"}\n"),
              "{\"a\": \"\\u009b\\u202e\\u007f\"}\n");
}

}  // namespace
}  // namespace strandline
