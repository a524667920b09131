#include <atomic>
#include <fcntl.h>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "net/file_plan.h"
#include "net/http_test_kit.h"
#include "net/page_cache.h"

namespace strandline::net {
namespace {

using testing::fetch;
using ::testing::HasSubstr;
using testing::make_identity;
using testing::pattern;
using testing::RawClient;
using testing::status_of;
using testing::TestServer;

struct PlanCase {
    std::string_view name;
    std::string_view range;
    std::string_view if_range;
    std::string_view if_none_match;
    int status;
    std::uint64_t offset;
    std::uint64_t length;
};

class FilePlanTable : public ::testing::TestWithParam<PlanCase> {};

TEST_P(FilePlanTable, Plans) {
    const auto& row = GetParam();
    Headers headers;
    if (!row.range.empty()) headers.set("Range", std::string(row.range));
    if (!row.if_range.empty()) headers.set("If-Range", std::string(row.if_range));
    if (!row.if_none_match.empty()) headers.set("If-None-Match", std::string(row.if_none_match));
    const auto plan = plan_file(Method::get, headers, 1000, "\"v1\"");
    EXPECT_EQ(plan.status, row.status);
    EXPECT_EQ(plan.offset, row.offset);
    EXPECT_EQ(plan.length, row.length);
    const auto head = plan_file(Method::head, headers, 1000, "\"v1\"");
    EXPECT_EQ(head.status, row.if_none_match.empty() ? 200 : row.status) << "no ranges of HEAD";
    EXPECT_EQ(head.offset, 0U);
}

INSTANTIATE_TEST_SUITE_P(
    Requests, FilePlanTable,
    ::testing::Values(PlanCase{"Whole", "", "", "", 200, 0, 1000},
                      PlanCase{"FirstBytes", "bytes=0-99", "", "", 206, 0, 100},
                      PlanCase{"OneByte", "bytes=0-0", "", "", 206, 0, 1},
                      PlanCase{"Middle", "bytes=100-199", "", "", 206, 100, 100},
                      PlanCase{"OpenEnd", "bytes=900-", "", "", 206, 900, 100},
                      PlanCase{"BeyondTheEnd", "bytes=900-5000", "", "", 206, 900, 100},
                      PlanCase{"Suffix", "bytes=-10", "", "", 206, 990, 10},
                      PlanCase{"LongSuffix", "bytes=-5000", "", "", 206, 0, 1000},
                      PlanCase{"OtherCase", "Bytes = 1-2", "", "", 206, 1, 2},
                      PlanCase{"OutOfRange", "bytes=1000-", "", "", 416, 0, 0},
                      PlanCase{"HugeStart", "bytes=99999999999999999999-", "", "", 416, 0, 0},
                      PlanCase{"EmptySuffix", "bytes=-0", "", "", 416, 0, 0},
                      PlanCase{"Backwards", "bytes=5-1", "", "", 200, 0, 1000},
                      PlanCase{"SeveralRanges", "bytes=0-1,5-6", "", "", 200, 0, 1000},
                      PlanCase{"OtherUnit", "lines=0-1", "", "", 200, 0, 1000},
                      PlanCase{"Nonsense", "bytes=a-b", "", "", 200, 0, 1000},
                      PlanCase{"NoDash", "bytes=5", "", "", 200, 0, 1000},
                      PlanCase{"Signed", "bytes=+5-9", "", "", 200, 0, 1000},
                      PlanCase{"SameVersion", "bytes=5-9", "\"v1\"", "", 206, 5, 5},
                      PlanCase{"OtherVersion", "bytes=5-9", "\"v0\"", "", 200, 0, 1000},
                      PlanCase{"WeakVersion", "bytes=5-9", "W/\"v1\"", "", 200, 0, 1000},
                      PlanCase{"DateVersion", "bytes=5-9", "Sun, 06 Nov 1994 08:49:37 GMT", "", 200,
                               0, 1000},
                      PlanCase{"Known", "", "", "\"v1\"", 304, 0, 0},
                      PlanCase{"KnownWeakly", "", "", "\"v0\", W/\"v1\"", 304, 0, 0},
                      PlanCase{"KnownAny", "", "", "*", 304, 0, 0},
                      PlanCase{"KnownWithRange", "bytes=0-1", "", "\"v1\"", 304, 0, 0},
                      PlanCase{"NotKnown", "", "", "\"v0\"", 200, 0, 1000}),
    [](const auto& row) { return std::string(row.param.name); });

class HttpFile : public ::testing::TestWithParam<bool> {
public:
    ~HttpFile() override { std::filesystem::remove(path_); }

protected:
    HttpFile() {
        // Not in the temporary folder, which may be in memory only.
        path_ = std::filesystem::current_path() / ("net_file_test_" + std::to_string(::getpid()));
        const auto written = write_file_atomically(path_, as_bytes(content_));
        EXPECT_TRUE(written);
        auto fd = open_file(path_, O_RDONLY);
        EXPECT_TRUE(fd);
        file_ = std::make_shared<const UniqueFd>(*std::move(fd));
    }

    /// False where the file system keeps files in memory.
    bool evict() {
        ::posix_fadvise(file_->get(), 0, 0, POSIX_FADV_DONTNEED);
        return !is_cached(file_->get(), 0, content_.size());
    }

    void serve(std::uint64_t rate = 0, std::uint64_t claimed = 0, Runtime::Options runtime = {}) {
        Router router;
        router.add(Method::get, "/file", [this, rate, claimed](Request& request) {
            return answer(request, rate, claimed);
        });
        ServerOptions options;
        if (GetParam()) {
            options.tls.emplace();
            options.tls->certificate_chain_pem = identity_.certificate_pem;
            options.tls->private_key_pem = identity_.key_pem;
        }
        server_ = std::make_unique<TestServer>(std::move(router), options, runtime);
    }

    Result<ClientResponse> get(std::string range = {}, Method method = Method::get) {
        ClientRequest request;
        request.method = method;
        request.url = server_->url("/file");
        request.deadline = Deadline::after(std::chrono::seconds{20});
        if (!range.empty()) request.headers.set("Range", std::move(range));
        ClientOptions options;
        options.tls.ca_pem = identity_.certificate_pem;
        options.max_body_bytes = max_answer_bytes_;
        return fetch(std::move(request), std::move(options));
    }

    asio::awaitable<Result<Response>> answer(Request& /*request*/, std::uint64_t rate,
                                             std::uint64_t claimed) {
        Response response;
        FileBody body;
        body.file = file_;
        body.size = claimed != 0 ? claimed : content_.size();
        body.etag = "\"tag\"";
        response.body = std::move(body);
        response.max_bytes_per_second = rate;
        response.on_sent = [this](std::uint64_t bytes, bool complete) {
            sent_bytes_ = bytes;
            if (complete) ++completed_;
            ++notices_;
        };
        co_return response;
    }

    const std::string content_ = pattern(3'000'000);
    std::size_t max_answer_bytes_ = ClientOptions{}.max_body_bytes;
    testing::TestIdentity identity_ = make_identity({});
    std::filesystem::path path_;
    std::shared_ptr<const UniqueFd> file_;
    std::atomic<std::uint64_t> sent_bytes_{0};
    std::atomic<int> notices_{0};
    std::atomic<int> completed_{0};
    std::unique_ptr<TestServer> server_;
};

TEST_P(HttpFile, IsSentWhole) {
    serve();
    const auto response = get();
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->status, 200);
    EXPECT_TRUE(response->body == content_);
    EXPECT_EQ(response->headers.find("ETag"), "\"tag\"");
    EXPECT_EQ(response->headers.find("Accept-Ranges"), "bytes");
    server_.reset();
    EXPECT_EQ(notices_, 1);
    EXPECT_EQ(completed_, 1);
    EXPECT_EQ(sent_bytes_, content_.size());
}

TEST_P(HttpFile, IsFetchedFromTheDiskByThePool) {
    serve();
    if (!evict()) GTEST_SKIP() << "this file system cannot drop its cache";
    const auto response = get("bytes=5-2900000");
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_TRUE(response->body == content_.substr(5, 2'899'996));
}

TEST_P(HttpFile, IsSentWhenThePoolIsFull) {
    Runtime::Options no_room;
    no_room.max_queued_work = 0;
    serve(0, 0, no_room);
    evict();
    const auto response = get();
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_TRUE(response->body == content_);
}

TEST_P(HttpFile, SmallerThanARecordIsSentWhole) {
    for (const std::uint64_t size : {1, 1000, 16'000, 16'384, 16'385, 40'000}) {
        serve(0, size);
        const auto response = get();
        ASSERT_TRUE(response) << response.error().message;
        EXPECT_TRUE(response->body == content_.substr(0, size)) << size;
    }
}

// Broken inside one sendfile(2), a connection raises SIGPIPE although bytes were sent.
TEST_P(HttpFile, ClientsThatResetHarmNobodyElse) {
    if (GetParam()) GTEST_SKIP() << "the raw client speaks no TLS";
    serve();
    for (int round = 0; round < 20; ++round) {
        std::vector<std::unique_ptr<RawClient>> clients;
        for (int i = 0; i < 16; ++i) {
            clients.push_back(std::make_unique<RawClient>(server_->port()));
            clients.back()->send("GET /file HTTP/1.1\r\nHost: x\r\n\r\n");
        }
        for (auto& client : clients) EXPECT_EQ(status_of(client->read_until("\r\n\r\n")), 200);
    }
    const auto response = get();
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_TRUE(response->body == content_);
}

TEST_P(HttpFile, ASmallWindowGetsItAll) {
    if (GetParam()) GTEST_SKIP() << "the raw client speaks no TLS";
    serve();
    RawClient client(server_->port(), 4096);
    client.send("GET /file HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(status_of(client.read_until("\r\n\r\n")), 200);
    EXPECT_TRUE(client.read_to_end() == content_);
}

TEST_P(HttpFile, IsSentInPart) {
    serve();
    const auto response = get("bytes=1000000-1999999");
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->status, 206);
    EXPECT_EQ(response->headers.find("Content-Range"), "bytes 1000000-1999999/3000000");
    EXPECT_TRUE(response->body == content_.substr(1'000'000, 1'000'000));
}

TEST_P(HttpFile, IsRefusedOutOfRange) {
    serve();
    const auto response = get("bytes=3000000-");
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->status, 416);
    EXPECT_EQ(response->headers.find("Content-Range"), "bytes */3000000");
}

TEST_P(HttpFile, HeadTellsTheSize) {
    serve();
    const auto response = get({}, Method::head);
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->headers.find("Content-Length"), "3000000");
    EXPECT_EQ(response->body, "");
}

TEST_P(HttpFile, HeadOfMoreThanTheClientWouldTakeIsFine) {
    serve();
    max_answer_bytes_ = 1000;
    const auto response = get({}, Method::head);
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->headers.find("Content-Length"), "3000000");
    EXPECT_FALSE(get()) << "the file itself is too large";
}

TEST_P(HttpFile, KeepsToTheRate) {
    serve(10'000'000);
    const auto started = std::chrono::steady_clock::now();
    const auto response = get();
    const auto span = std::chrono::steady_clock::now() - started;
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_TRUE(response->body == content_);
    EXPECT_GT(span, std::chrono::milliseconds{180});  // 3 MB less the first piece at 10 MB/s
}

TEST_P(HttpFile, ShorterThanSaidCutsTheConnection) {
    serve(0, 4'000'000);
    const auto response = get();
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, Errc::unavailable);
    EXPECT_THAT(response.error().message, HasSubstr("of 4000000 bytes"));
    server_.reset();
    EXPECT_EQ(notices_, 1);
    EXPECT_EQ(completed_, 0);
}

TEST_P(HttpFile, AClientThatLeavesEndsTheTransfer) {
    if (GetParam()) GTEST_SKIP() << "the raw client speaks no TLS";
    serve(100'000);
    {
        RawClient client(server_->port(), 4096);
        client.send("GET /file HTTP/1.1\r\nHost: x\r\n\r\n");
        EXPECT_EQ(status_of(client.read_until("\r\n\r\n")), 200);
    }
    EXPECT_TRUE(server_->wait_for_connections(0));
    EXPECT_EQ(notices_, 1);
    EXPECT_EQ(completed_, 0);
}

TEST_P(HttpFile, DestroyingTheServerTellsTheTransfer) {
    serve(100'000);
    std::thread client([this] { EXPECT_FALSE(get()); });
    ASSERT_TRUE(server_->wait_for_connections(1));
    const auto deadline = Deadline::after(std::chrono::seconds{10});
    server_->destroy_server();
    client.join();
    EXPECT_LE(notices_, 1);
    EXPECT_EQ(completed_, 0);
    EXPECT_FALSE(deadline.passed());
}

INSTANTIATE_TEST_SUITE_P(Transports, HttpFile, ::testing::Bool(),
                         [](const auto& row) { return row.param ? "Tls" : "Plain"; });

}  // namespace
}  // namespace strandline::net
