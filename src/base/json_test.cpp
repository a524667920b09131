#include "base/json.h"

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include "base/config.h"

namespace strandline {
namespace {

TEST(ParseJson, NamesTheDocumentInErrors) {
    const auto result = parse_json("{\"a\":", "manifest");
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().message.rfind("manifest: not valid JSON", 0), 0U)
        << result.error().message;
}

TEST(ParseJson, RefusesHostileInput) {
    const JsonLimits limits{.max_bytes = 1000, .max_depth = 8};
    EXPECT_FALSE(parse_json(std::string(100, '['), "x", limits)) << "depth";
    EXPECT_FALSE(parse_json("\"" + std::string(2000, 'a') + "\"", "x", limits)) << "size";
    for (const char* bad :
         {"", " ", "{} {}", "{}x", "nul", "01", "{'a':1}", "\"\xff\"", "[1,]", "\"\\u12\""}) {
        EXPECT_FALSE(parse_json(bad, "x", limits)) << bad;
    }
}

TEST(JsonReader, ReadsFieldsAndKeepsTheFirstProblem) {
    const auto value =
        parse_json(R"({"name":"leaf","size":12,"ratio":0.5,"on":true,"list":[1],"o":{}})", "x")
            .value();
    JsonReader in(value, "file");
    EXPECT_EQ(in.text("name"), "leaf");
    EXPECT_EQ(in.integer("size", 0, 100), 12);
    EXPECT_EQ(in.number_or("ratio", 0, 0, 1), 0.5);
    EXPECT_TRUE(in.boolean_or("on", false));
    EXPECT_EQ(in.array("list").size(), 1U);
    EXPECT_EQ(in.object("o").size(), 0U);
    EXPECT_EQ(in.integer_or("absent", 7, 0, 9), 7);
    EXPECT_TRUE(in.finish());
    EXPECT_EQ(in.text("nothing"), "");
    EXPECT_EQ(in.integer("name", 0, 1), 0);
    EXPECT_EQ(in.finish().error().message, "file.nothing is missing");
}

TEST(JsonReader, RefusesUnknownFieldsUnlessLenient) {
    const auto value = parse_json(R"({"known":1,"typo":2})", "x").value();
    JsonReader in(value, "doc");
    EXPECT_EQ(in.integer("known", 0, 1), 1);
    EXPECT_EQ(in.finish().error().message, "doc.typo is not a known field");
    EXPECT_TRUE(in.finish_lenient());
}

TEST(JsonReader, RefusesWrongTypesAndRanges) {
    const auto value =
        parse_json(R"({"n":1.5,"big":101,"t":5,"b":"yes","list":{},"o":[]})", "x").value();
    const auto problem = [&](auto&& read) {
        JsonReader in(value, "d");
        read(in);
        return !in.finish_lenient();
    };
    EXPECT_TRUE(problem([](JsonReader& in) { (void)in.integer("n", 0, 9); }));
    EXPECT_TRUE(problem([](JsonReader& in) { (void)in.integer("big", 0, 100); }));
    EXPECT_TRUE(problem([](JsonReader& in) { (void)in.text("t"); }));
    EXPECT_TRUE(problem([](JsonReader& in) { (void)in.boolean_or("b", true); }));
    EXPECT_TRUE(problem([](JsonReader& in) { (void)in.array("list"); }));
    EXPECT_TRUE(problem([](JsonReader& in) { (void)in.object("o"); }));
    EXPECT_TRUE(problem([](JsonReader& in) { (void)in.number_or("b", 0, 0, 1); }));
}

TEST(JsonReader, RefusesANonObject) {
    const auto value = parse_json("[]", "x").value();
    JsonReader in(value, "body");
    EXPECT_EQ(in.text_or("a", "b"), "b");
    EXPECT_EQ(in.finish().error().message, "body: must be an object");
}

TEST(ParseToml, GivesTheSameTreeAsJson) {
    const auto tree = parse_toml(
        "port = 8443\n[mqtt]\nhost = \"a\"\nlist = [1, 2.5, true]\nday = 2026-11-21\n", "t");
    ASSERT_TRUE(tree);
    EXPECT_EQ(boost::json::serialize(*tree),
              R"({"mqtt":{"day":"2026-11-21","host":"a","list":[1,2.5E0,true]},"port":8443})");
}

TEST(ParseToml, ErrorsCarryFileLineAndColumn) {
    const auto tree = parse_toml("a = 1\nb = \n", "hub.toml");
    ASSERT_FALSE(tree);
    EXPECT_EQ(tree.error().message.rfind("hub.toml:2:", 0), 0U) << tree.error().message;
}

TEST(Environment, OverlaysListedKeysOnly) {
    auto tree = parse_toml("[mqtt]\nport = 1\n", "t").value();
    ::setenv("STEST_MQTT_PORT", "8884", 1);
    ::setenv("STEST_MQTT_HOST", "broker.example", 1);
    ::setenv("STEST_OTHER", "x", 1);
    const std::string_view keys[] = {"mqtt.port", "mqtt.host", "log.level"};
    ASSERT_TRUE(overlay_environment(tree, "STEST_", keys));
    EXPECT_EQ(boost::json::serialize(tree), R"({"mqtt":{"port":8884,"host":"broker.example"}})");
}

TEST(Json, ANumberBeyondAllDoublesIsRefused) {
    for (const auto* const bad : {"1e999", "[-1e400]", R"({"a":[1,{"b":1e309}]})"}) {
        EXPECT_FALSE(parse_json(bad, "test")) << bad;
    }
    EXPECT_TRUE(parse_json("[1e308,-1e308,1e-999,18446744073709551615]", "test"));
}

TEST(Json, AKeyThatStandsTwiceIsRefused) {
    for (const auto* const bad : {R"({"a":1,"a":2})", R"([{"b":{"a":1,"\u0061":2}}])",
                                  R"({"x":[{"a":":"},{"a":1,"a":1}]})"}) {
        const auto read = parse_json(bad, "test");
        ASSERT_FALSE(read) << bad;
        EXPECT_NE(read.error().message.find("same key twice"), std::string::npos);
    }
    for (const auto* const good : {R"({"a":1,"A":2})", R"({"a":":","b":"\":\\","c":{"a":[]}})",
                                   R"([{"a":1},{"a":2}])", R"("::")", R"({})"}) {
        EXPECT_TRUE(parse_json(good, "test")) << good;
    }
}

}  // namespace
}  // namespace strandline
