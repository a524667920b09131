// What one I/O thread serves over loopback: small answers on kept connections, and blobs. The load
// comes from a thread of the same process, so `cpu` in the figures is of the server's thread alone.
#include <arpa/inet.h>
#include <array>
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <sys/socket.h>
#include <thread>
#include <time.h>
#include <unistd.h>

#include "net/http_client.h"
#include "net/http_server.h"

namespace strandline::net {
namespace {

constexpr std::uint64_t blob_bytes = 256ULL << 20;

double thread_cpu_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

asio::awaitable<Result<Response>> hello(Request& /*request*/) {
    co_return json_response(200, R"({"status":"ok"})");
}

class Bench {
public:
    explicit Bench(bool blob) : runtime_(Runtime::Options{}) {
        Router router;
        router.add(Method::get, "/hello", hello);
        if (blob) {
            make_blob();
            router.add(Method::get, "/blob", [this](Request& request) { return send(request); });
        }
        auto server = HttpServer::create(runtime_, std::move(router), {});
        if (!server) throw std::runtime_error(server.error().message);
        server_ = *std::move(server);
        thread_ = std::thread([this] {
            runtime_.run();
            cpu_seconds_ = thread_cpu_seconds();
        });
    }
    ~Bench() { finish(); }
    Bench(const Bench&) = delete;
    Bench& operator=(const Bench&) = delete;

    [[nodiscard]] std::uint16_t port() const { return server_->port(); }
    /// CPU seconds of the server's thread.
    double finish() {
        runtime_.stop();
        if (thread_.joinable()) thread_.join();
        return cpu_seconds_;
    }

private:
    void make_blob() {
        const auto path =
            std::filesystem::temp_directory_path() / ("net_bench_" + std::to_string(::getpid()));
        auto fd = open_file(path, O_CREAT | O_RDWR | O_TRUNC);
        const std::string block(1 << 20, 'x');
        for (std::uint64_t done = 0; fd && done < blob_bytes; done += block.size()) {
            if (!write_all(fd->get(), as_bytes(block))) throw std::runtime_error("no disk space");
        }
        std::filesystem::remove(path);
        file_ = std::make_shared<const UniqueFd>(*std::move(fd));
    }

    asio::awaitable<Result<Response>> send(Request& /*request*/) {
        Response response;
        FileBody body;
        body.file = file_;
        body.size = blob_bytes;
        body.etag = "\"blob\"";
        response.body = std::move(body);
        co_return response;
    }

    Runtime runtime_;
    std::unique_ptr<HttpServer> server_;
    std::shared_ptr<const UniqueFd> file_;
    std::thread thread_;
    double cpu_seconds_ = 0;
};

int connect_to(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) {
        throw std::runtime_error("connect failed");
    }
    return fd;
}

/// 32 connections, one request each in flight.
void small_requests(benchmark::State& state) {
    Bench bench(false);
    constexpr std::string_view request = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n";
    std::array<int, 32> clients{};
    for (auto& fd : clients) fd = connect_to(bench.port());
    std::array<char, 4096> answer{};
    for (auto _ : state) {
        for (const int fd : clients) {
            if (::send(fd, request.data(), request.size(), MSG_NOSIGNAL) <= 0) std::abort();
        }
        for (const int fd : clients) {
            if (::recv(fd, answer.data(), answer.size(), 0) <= 0) std::abort();
        }
    }
    for (const int fd : clients) ::close(fd);
    const auto requests = static_cast<double>(state.iterations()) * clients.size();
    state.SetItemsProcessed(static_cast<std::int64_t>(requests));
    state.counters["server_us_per_request"] = bench.finish() * 1e6 / requests;
}
BENCHMARK(small_requests)->UseRealTime();

void blob(benchmark::State& state) {
    Bench bench(true);
    constexpr std::string_view request = "GET /blob HTTP/1.1\r\nHost: localhost\r\n\r\n";
    const int fd = connect_to(bench.port());
    std::string buffer(1 << 20, '\0');
    for (auto _ : state) {
        if (::send(fd, request.data(), request.size(), MSG_NOSIGNAL) <= 0) std::abort();
        for (std::uint64_t got = 0; got < blob_bytes;) {
            const auto size = ::recv(fd, buffer.data(), buffer.size(), MSG_TRUNC);
            if (size <= 0) std::abort();
            got += static_cast<std::uint64_t>(size);
        }
    }
    ::close(fd);
    const auto bytes = static_cast<double>(state.iterations()) * static_cast<double>(blob_bytes);
    state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
    state.counters["server_cpu_s_per_GB"] = bench.finish() * 1e9 / bytes;
}
BENCHMARK(blob)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace strandline::net
