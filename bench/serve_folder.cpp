// Serves the files of a folder over plain HTTP with the server of `net`, for http_bench.py: the hub
// itself offers its blobs over TLS only. Prints "port N" and serves until SIGTERM.
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <fmt/core.h>
#include <map>
#include <memory>
#include <string>

#include "net/http_server.h"

namespace {

using namespace std::string_literals;
using strandline::Errc;
using strandline::Result;
using strandline::net::Request;
using strandline::net::Response;

using Files = std::map<std::string, strandline::net::FileBody>;

/// Every file of the folder, open: as nginx keeps them with its open_file_cache.
Result<Files> open_files(const std::filesystem::path& folder) {
    Files files;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        TRY(auto file, strandline::open_file(entry.path(), O_RDONLY));
        const auto name = entry.path().filename().string();
        strandline::net::FileBody body;
        body.file = std::make_shared<const strandline::UniqueFd>(std::move(file));
        body.size = entry.file_size();
        body.etag = fmt::format("\"{}\"", name);
        files.emplace(name, std::move(body));
    }
    return files;
}

Result<Response> answer(const Files& files, const Request& request) {
    const auto found = files.find(request.param("name"));
    if (found == files.end()) return strandline::fail(Errc::not_found, "there is no such file");
    Response response;
    response.headers.set("Content-Type", "application/octet-stream"s);
    response.body = found->second;
    return response;
}

strandline::Status serve(const std::filesystem::path& folder) {
    TRY(const auto files, open_files(folder));
    strandline::net::Runtime runtime({});
    strandline::net::Router router;
    router.add_blocking(
        strandline::net::Method::get, "/{name}",
        [&files](Request& request) { return answer(files, request); }, {},
        [&files](const Request& request) { return std::optional(answer(files, request)); });
    TRY(const auto server, strandline::net::HttpServer::create(runtime, std::move(router), {}));
    runtime.on_signals([&runtime] { runtime.stop(); });
    fmt::print("port {}\n", server->port());
    std::fflush(stdout);
    runtime.run();
    return {};
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        fmt::print(stderr, "usage: serve_folder FOLDER\n");
        return 2;
    }
    const auto done = serve(argv[1]);
    if (done) return 0;
    fmt::print(stderr, "serve_folder: {}\n", done.error().message);
    return 1;
}
