#include "trust/manifest.h"

#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>

#include "trust/test_samples.h"

namespace strandline::trust {
namespace {

using ::testing::HasSubstr;

const std::string zero(64, '0');

std::string with_files(const std::string& files) {
    return R"({"format":1,"package":"p","version":"1","kind":"onnx","entry":"a","files":[)" +
           files + "]}";
}

std::string file(const std::string& path, const std::string& size = "1") {
    return R"({"path":")" + path + R"(","size":)" + size + R"(,"sha256":")" + zero + R"("})";
}

std::string with(const std::string& extra) {
    auto text = with_files(file("a"));
    text.insert(text.size() - 1, "," + extra);
    return text;
}

std::string changed(std::string_view from, std::string_view to) {
    auto text = with_files(file("a"));
    return text.replace(text.find(from), from.size(), to);
}

TEST(Manifest, HasTheGoldenForm) {
    const auto json = to_json(test::sample_manifest());
    EXPECT_EQ(json, test::golden("manifest.json", json));
}

TEST(Manifest, ComesBackEqual) {
    const auto manifest = test::sample_manifest();
    const auto read = manifest_from_json(to_json(manifest));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, manifest);
    EXPECT_EQ(read->total_bytes(), 1'234'567U + 99U);
    EXPECT_EQ(read->find_file("bin/run")->size, 99U);
    EXPECT_EQ(read->find_file("bin"), nullptr);
}

TEST(Manifest, TheSmallestOneIsEnough) {
    const auto read = manifest_from_json(with_files(file("a", "0")));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->variant, "default");
    EXPECT_FALSE(read->golden);
    EXPECT_EQ(*manifest_from_json(to_json(*read)), *read);
}

TEST(Manifest, RefusesHostileInput) {
    struct Case {
        std::string json;
        std::string_view word;
    };
    std::string deep = with("\"requirements\":" + std::string(1000, '[') + std::string(1000, ']'));
    std::string many = file("a");
    for (int i = 0; i < 1024; ++i) many += "," + file("f" + std::to_string(i));
    const Case cases[] = {
        {"", "JSON"},
        {"null", "object"},
        {"{}", "format"},
        {with_files(""), "at least one file"},
        {with_files(file("a") + "," + file("a")), "twice"},
        {with_files(file("a") + "," + file("a/b")), "folder is also a file"},
        {with_files(file("b")), "entry"},
        {with_files(file("../a")), "path"},
        {with_files(file("/a")), "path"},
        {with_files(file("a//b")), "path"},
        {with_files(file("./a")), "path"},
        {with_files(file("a\\\\b")), "path"},
        {with_files(file("a\\u0000b")), "path"},
        {with_files(file("a\\nb")), "path"},
        {with_files(file(std::string(256, 'a'))), "path"},
        {with_files(file("a", "-1")), "files[0].size"},
        {with_files(file("a", "1.5")), "files[0].size"},
        {with_files(file("a", "9007199254740993")), "files[0].size"},
        {with_files(file("a", "18446744073709551616")), "files[0].size"},
        {with_files(file("a", "1e300")), "files[0].size"},
        {with_files(file("a", "\"1\"")), "files[0].size"},
        {with_files(R"({"path":"a","size":1,"sha256":"AB"})"), "files[0].sha256"},
        {with_files(R"({"path":"a","size":1})"), "files[0].sha256"},
        {with_files(file("a").insert(1, "\"mode\":1,")), "files[0].mode"},
        {with_files(many), "1024"},
        {with(R"("kind":"onnx")"), "same key twice"},
        {with(R"("surprise":1)"), "surprise"},
        {changed(R"("format":1)", R"("format":2)"), "newer"},
        {changed(R"("kind":"onnx")", R"("kind":"shell")"), "kind"},
        {changed(R"("package":"p")", R"("package":"../p")"), "package"},
        {changed(R"("version":"1")", R"("version":"")"), "version"},
        {changed(R"("version":"1")", R"("version":"1 2")"), "version"},
        {changed(R"("version":"1")", R"("version":"-1")"), "version"},
        {with(R"("variant":"x/y")"), "variant"},
        {with(R"("golden":{"file":"b"})"), "golden.file"},
        {with(R"("golden":{"file":"a","absolute":-1})"), "absolute"},
        {with(R"("golden":{"file":"a","relative":1e300})"), "relative"},
        {with(R"("requirements":{"opset":-1})"), "opset"},
        {with(R"("requirements":{"cpu":1})"), "cpu"},
        {with(R"("requirements":{"arch":["a b"]})"), "arch"},
        {with(R"("requirements":{"arch":[1]})"), "arch"},
        {with(R"("arguments":["a\nb"])"), "arguments"},
        {with(R"("arguments":"a")"), "arguments"},
        {with(R"("labels":{"a b":"c"})"), "labels"},
        {with(R"("labels":{"a":1})"), "labels"},
        {with(R"("labels":{"a":"\u0007"})"), "labels"},
        {with("\"labels\":{\"a\":\"\xff\"}"), "JSON"},
        {with_files(file("a")) + "x", "JSON"},
        {deep, "JSON"},
        {std::string(max_manifest_bytes + 1, ' '), "bytes of JSON"},
    };
    for (const auto& test : cases) {
        const auto read = manifest_from_json(test.json);
        ASSERT_FALSE(read) << test.json.substr(0, 300);
        EXPECT_EQ(read.error().code, Errc::invalid);
        EXPECT_THAT(read.error().message, HasSubstr(test.word)) << test.json.substr(0, 300);
    }
}

TEST(Manifest, IsCheckedBeforeItIsWritten) {
    const auto sample = test::sample_manifest();
    ASSERT_TRUE(check_manifest(sample));
    const std::function<void(Manifest&)> faults[] = {
        [](Manifest& m) { m.files[0].path = "models/leaf\xff.onnx"; },
        [](Manifest& m) { m.files[0].size = std::uint64_t{1} << 54; },
        [](Manifest& m) { m.labels["x"] = "\xc3"; },
        [](Manifest& m) { m.golden->absolute = std::numeric_limits<double>::quiet_NaN(); },
        [](Manifest& m) { m.entry = "elsewhere"; },
        [](Manifest& m) { m.arguments.assign(65, "x"); },
        [](Manifest& m) { m.requirements.ram_bytes = std::numeric_limits<std::uint64_t>::max(); },
    };
    for (const auto& fault : faults) {
        auto manifest = sample;
        fault(manifest);
        const auto checked = check_manifest(manifest);
        ASSERT_FALSE(checked);
        EXPECT_EQ(checked.error().code, Errc::invalid);
    }
}

TEST(Manifest, NoPrefixOrChangedByteCrashes) {
    const auto json = to_json(test::sample_manifest());
    for (std::size_t i = 0; i < json.size(); ++i) {
        EXPECT_FALSE(manifest_from_json(json.substr(0, i)));
        auto changed = json;
        changed[i] = static_cast<char>(changed[i] ^ 0x11);
        const auto read = manifest_from_json(changed);
        if (read) {
            EXPECT_TRUE(manifest_from_json(to_json(*read))) << "what was read can be read again";
        }
    }
}

TEST(RuntimeKind, HasANameEach) {
    for (const auto kind : {RuntimeKind::onnx, RuntimeKind::process, RuntimeKind::container}) {
        EXPECT_EQ(runtime_kind_from(to_string(kind)), kind);
    }
    EXPECT_EQ(runtime_kind_from("shell"), std::nullopt);
}

}  // namespace
}  // namespace strandline::trust
