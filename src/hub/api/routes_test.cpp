#include "hub/api/routes.h"

#include <gtest/gtest.h>
#include <set>
#include <sstream>

#include "base/file.h"
#include "hub/hub_parts.h"
#include "hub/jobs/delta_news.h"
#include "hub/test_domain.h"

namespace strandline::hub {
namespace {

// "get /v1/devices" for each operation of the description.
std::set<std::string> described() {
    const auto text =
        read_text_file(STRANDLINE_SOURCE_DIR "/api/openapi.yaml", std::size_t{1} << 20);
    std::istringstream lines(text.value_or(""));
    std::set<std::string> out;
    std::string line;
    std::string path;
    while (std::getline(lines, line) && line != "components:") {
        if (line.starts_with("  /")) path = line.substr(2, line.size() - 3);
        const bool member =
            line.size() > 5 && line.starts_with("    ") && line[4] != ' ' && line.back() == ':';
        if (member && line != "    parameters:")
            out.insert(line.substr(4, line.size() - 5) + " " + path);
    }
    return out;
}

std::string word(net::Method method) {
    std::string text(net::to_string(method));
    for (auto& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

TEST(Routes, AreExactlyThoseOfTheDescription) {
    TestDomain test;
    const HubConfig config;
    net::Runtime runtime({.worker_threads = 1});
    Metrics metrics;
    EventFeed feed(runtime, test.domain->events);
    DeltaNews delta_news(runtime);
    const auto authority =
        trust::CertificateAuthority::open_or_create(test.folder.path() / "ca", "test", test.clock)
            .value();
    Services services{.config = config,
                      .clock = test.clock,
                      .runtime = runtime,
                      .blobs = *test.blobs,
                      .domain = *test.domain,
                      .authority = *authority,
                      .metrics = metrics,
                      .feed = feed,
                      .delta_news = delta_news,
                      .gate = nullptr,
                      .keyset_envelope = "{}",
                      .uploads = nullptr,
                      .open_blobs = nullptr};
    const Authenticator authenticator(test.domain->operator_tokens, test.domain->devices);
    const auto router = make_router(services, authenticator);
    std::set<std::string> served;
    for (const auto& route : router.routes())
        served.insert(word(route->method) + " " + route->pattern);
    EXPECT_EQ(served, described());
    EXPECT_GT(served.size(), 40U);
}

}  // namespace
}  // namespace strandline::hub
