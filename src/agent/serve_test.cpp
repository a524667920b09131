#include <fstream>
#include <gtest/gtest.h>

#include "agent/run/self_test.h"
#include "agent/test_programs.h"
#include "net/http_client.h"

namespace strandline::agent {
namespace {

std::string read_all(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::filesystem::path source_folder() { return STRANDLINE_SOURCE_DIR; }

class Serve : public Programs {
protected:
    Serve() {
        options.config.engine.library =
            source_folder() / "build/onnxruntime/lib/libonnxruntime.so.1";
    }

    /// A release made of files in the examples folder, written by hand into a folder.
    Release local_release(const std::string& bytes,
                          trust::RuntimeKind kind = trust::RuntimeKind::onnx) {
        Release release;
        release.folder = folder.path() / "bundle";
        std::filesystem::create_directories(release.folder);
        release.manifest.entry = "model.onnx";
        release.manifest.kind = kind;
        std::ofstream(release.folder / "model.onnx", std::ios::binary) << bytes;
        std::filesystem::permissions(release.folder / "model.onnx",
                                     std::filesystem::perms::owner_all);
        return release;
    }
    std::filesystem::path write_program(const std::string& body) {
        auto path = folder.path() / "child.sh";
        std::ofstream(path) << script(body);
        std::filesystem::permissions(path, std::filesystem::perms::owner_all);
        return path;
    }
};

TEST_F(Serve, JudgesTheEndOfASelfTestChild) {
    struct Row {
        std::string body;
        std::string reason;
    };
    const std::vector<Row> rows{
        {R"(echo '{"passed":true,"reason":"","message":""}')", ""},
        {R"(echo '{"passed":false,"reason":"wrong_answer","message":"off by 3"}')", "wrong_answer"},
        {"kill -SEGV $$", "crashed"},
        {"kill -KILL $$", "out_of_memory"},
        {"echo gibberish", "crashed"},
        {"exit 3", "crashed"},
        {"exec sleep 600", "hung"},
    };
    const auto release = local_release("x");
    for (const auto& row : rows) {
        SCOPED_TRACE(row.body);
        SelfTestOptions test;
        test.program = write_program(row.body);
        test.policy.timeout = std::chrono::milliseconds{row.reason == "hung" ? 300 : 20'000};
        const auto verdict = run_self_test(release, test);
        ASSERT_TRUE(verdict) << verdict.error().message;
        EXPECT_EQ(verdict->passed, row.reason.empty());
        EXPECT_EQ(verdict->reason, row.reason) << verdict->message;
    }
}

// Else the kernel may end the agent for the memory that a release under test has taken.
TEST_F(Serve, OffersSelfTestsToTheKernelFirst) {
    SelfTestOptions test;
    test.program = write_program(
        R"sh(printf '{"passed":false,"reason":"x","message":"%s"}' "$(cat /proc/self/oom_score_adj)")sh");
    const auto verdict = run_self_test(local_release("x"), test);
    ASSERT_TRUE(verdict) << verdict.error().message;
    EXPECT_EQ(verdict->message, "1000");
    const auto body = script(R"sh(test "$(cat /proc/self/oom_score_adj)" = 1000)sh");
    const auto lived = run_self_test(local_release(body, trust::RuntimeKind::process), test);
    ASSERT_TRUE(lived);
    EXPECT_TRUE(lived->passed) << lived->message;
}

TEST_F(Serve, JudgesProgramsByWhetherTheyLive) {
    const std::vector<std::pair<std::string, bool>> rows{
        {"exec sleep 600", true}, {"exit 0", true}, {"exit 1", false}, {"kill -SEGV $$", false}};
    for (const auto& [body, passes] : rows) {
        SCOPED_TRACE(body);
        SelfTestOptions test;
        test.config.self_test.process_settle = std::chrono::milliseconds{300};
        const auto verdict =
            run_self_test(local_release(script(body), trust::RuntimeKind::process), test);
        ASSERT_TRUE(verdict);
        EXPECT_EQ(verdict->passed, passes) << verdict->message;
    }
}

TEST_F(Serve, SupervisesAProgramAndReturnsToThePreviousOneWhenItDies) {
    const std::string good = R"(echo $$ > "$STRANDLINE_PORT_FILE"; exec sleep 600)";
    hub.order({order_for(program("1.0.0", good), "dep-1")});
    start();
    ASSERT_TRUE(until_active("1.0.0"));
    EXPECT_TRUE(slot().serving);
    EXPECT_EQ(slot().self_test, "passed");

    const std::string bad = R"(test -n "$STRANDLINE_SELF_TEST" && exec sleep 600; exit 7)";
    hub.order({soaked(order_for(program("2.0.0", bad), "dep-2"), std::chrono::seconds{20})});
    ASSERT_TRUE(until_refused("crashed"));
    ASSERT_TRUE(until([this] { return slot().state == "idle" && slot().serving; }));
    EXPECT_EQ(slot().active->version, "1.0.0");
    EXPECT_EQ(slot().error->stage, "soak");
}

TEST_F(Serve, RefusesAProgramThatFailsItsSelfTest) {
    hub.order({order_for(program("1.0.0", "exit 1"), "dep-1")});
    start();
    ASSERT_TRUE(until_refused("crashed"));
    EXPECT_FALSE(slot().active);
}

TEST_F(Serve, StartsAProgramAgainAfterADeath) {
    hub.order({order_for(
        program("1.0.0",
                R"(echo x >> "$STRANDLINE_BUNDLE/../runs"; test -n "$STRANDLINE_SELF_TEST" && exit 0
sleep 0.5; exit 1)"),
        "dep-1")});
    start();
    ASSERT_TRUE(until_active("1.0.0"));
    const auto digest = slot().active->manifest.hex();
    const auto runs = options.state_folder / "releases" / digest / "runs";
    EXPECT_TRUE(
        until([&] { return read_all(runs).size() >= 8; }));  // self-test, first run, two restarts
}

class Models : public Serve {
protected:
    void SetUp() override {
        if (!std::filesystem::exists(options.config.engine.library)) {
            GTEST_SKIP() << "no ONNX Runtime at " << options.config.engine.library
                         << "; ./run setup fetches it";
        }
        tiny = read_all(source_folder() / "examples/models/tiny_softmax.onnx");
        leaf = read_all(source_folder() / "examples/models/leaf_cnn.onnx");
        ASSERT_FALSE(tiny.empty());
    }

    std::string tiny;
    std::string leaf;
};

TEST_F(Models, AreTriedInAChildAndServed) {
    hub.order({order_for(manifest("1.0.0", leaf), "dep-1")});
    start();
    ASSERT_TRUE(until_active("1.0.0"));
    EXPECT_EQ(slot().self_test, "passed");
    EXPECT_TRUE(slot().serving);
    EXPECT_NE(agent->report().resources.engine, "");
    EXPECT_TRUE(std::filesystem::exists(options.state_folder / "agent.json"));
}

TEST_F(Models, ThatDoNotLoadAreRefused) {
    hub.order({order_for(manifest("1.0.0", tiny), "dep-1")});
    start();
    ASSERT_TRUE(until_active("1.0.0"));
    unsigned number = 1;
    for (const auto& broken : {std::string(5000, 'x'), leaf.substr(0, leaf.size() / 2)}) {
        ++number;
        auto order = order_for(manifest(std::to_string(number) + ".0.0", broken),
                               "dep-" + std::to_string(number));
        hub.order({order});
        ASSERT_TRUE(until([&] { return slot().refused == order.manifest; }));
        EXPECT_EQ(slot().error->reason, "load_error") << slot().error->message;
        EXPECT_EQ(slot().active->version, "1.0.0");
        EXPECT_TRUE(slot().serving);
    }
}

TEST_F(Models, ThatAnswerWronglyAreRefused) {
    auto wanted = manifest("1.0.0", tiny);
    trust::ManifestFile golden;
    golden.path = "golden.json";
    const std::string vectors =
        R"({"cases":[{"inputs":[{"name":"x","datatype":"FP32","shape":[1,4],"data":[1,2,3,4]}],)"
        R"("outputs":[{"name":"y","datatype":"FP32","shape":[1,3],"data":[0.9,0.05,0.05]}]}]})";
    golden.sha256 = hub.add_blob(vectors);
    golden.size = vectors.size();
    wanted.files.push_back(golden);
    wanted.golden = trust::GoldenSpec{"golden.json", 1e-3, 1e-3};
    hub.order({order_for(wanted, "dep-1")});
    start();
    ASSERT_TRUE(until_refused("wrong_answer"));
    EXPECT_FALSE(slot().active);
}

/// Asks for an inference again and again until told to stop; counts the answers that are not right.
net::Task<std::pair<unsigned, unsigned>> hammer(net::HttpClient& client, std::string url,
                                                const bool& done) {
    std::pair<unsigned, unsigned> counts{0, 0};
    while (!done) {
        net::ClientRequest request;
        request.url = url;
        request.method = net::Method::post;
        request.body =
            R"({"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]})";
        request.deadline = Deadline::after(std::chrono::seconds{20});
        const auto response = co_await client.send(std::move(request));
        ++counts.first;
        const bool right =
            response && response->status == 200 && response->body.find("0.69") != std::string::npos;
        if (!right) ++counts.second;
    }
    co_return counts;
}

TEST_F(Models, AreSwappedWithoutAFailedRequest) {
    hub.order({order_for(manifest("1.0.0", tiny), "dep-1")});
    start();
    ASSERT_TRUE(until_active("1.0.0"));
    const auto client = net::HttpClient::create(runtime, net::ClientOptions{}).value();
    bool done = false;
    std::pair<unsigned, unsigned> counts;
    struct Run {
        static boost::asio::awaitable<void> go(net::HttpClient& with, std::string url,
                                               const bool& stop, std::pair<unsigned, unsigned>& out,
                                               bool& ended) {
            out = (co_await hammer(with, std::move(url), stop)).value();
            ended = true;
        }
    };
    bool ended = false;
    runtime.spawn(
        Run::go(*client, agent->serve_url() + "/v2/models/leaf/infer", done, counts, ended));
    for (unsigned number = 2; number <= 4; ++number) {
        const auto version = std::to_string(number) + ".0.0";
        hub.order({order_for(manifest(version, tiny), "dep-" + version)});
        EXPECT_TRUE(until_active(version));
    }
    done = true;
    ASSERT_TRUE(until([&] { return ended; }));
    EXPECT_GT(counts.first, 0U);
    EXPECT_EQ(counts.second, 0U);
}

}  // namespace
}  // namespace strandline::agent
