#include "hub/api/routes.h"

#include <gtest/gtest.h>
#include <set>
#include <sstream>

#include "base/file.h"
#include "hub/test_services.h"

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
    TestServices hub;
    std::set<std::string> served;
    for (const auto& route : hub.router.routes())
        served.insert(word(route->method) + " " + route->pattern);
    EXPECT_EQ(served, described());
    EXPECT_GT(served.size(), 40U);
}

Result<net::Response> enrol(TestServices& hub, const std::string& address,
                            const std::string& token) {
    const auto route = hub.router.find(net::Method::post, "/v1/enroll");
    net::Request request;
    request.path = "/v1/enroll";
    request.peer.address = address;
    const auto csr = trust::make_certificate_request("x").value().csr_pem;
    request.body = R"({"token":")" + token + R"(","csr":")";
    for (const char c : csr) request.body += c == '\n' ? std::string("\\n") : std::string(1, c);
    request.body += "\"}";
    return route.value().route->blocking(request);
}

TEST(Routes, WriteDownOfAStrangerOnlyWhatSucceeded) {
    TestServices hub;
    const auto refusals = hub.config.enrolment.failures_per_minute + 20;  // the last by rate
    for (std::uint32_t i = 0; i < refusals; ++i) EXPECT_FALSE(enrol(hub, "10.0.0.1", "slj1.guess"));
    EXPECT_TRUE(hub.test.domain->audit.list({})->items.empty());
    const auto token =
        hub.test.domain->join_tokens.create({}, hub.authority->certificate_sha256()).value();
    const auto enrolled = enrol(hub, "10.0.0.2", token.text);
    ASSERT_TRUE(enrolled) << enrolled.error().message;
    const auto written = hub.test.domain->audit.list({})->items;
    ASSERT_EQ(written.size(), 1U);
    EXPECT_EQ(written[0].action, "device.enroll");
    EXPECT_EQ(written[0].outcome, "ok");
}

}  // namespace
}  // namespace strandline::hub
