#include "agent/run/self_test.h"
#include "base/json.h"

namespace strandline::agent {

std::string to_json(const SelfTestVerdict& verdict) {
    boost::json::object out{
        {"passed", verdict.passed}, {"reason", verdict.reason}, {"message", verdict.message}};
    return write_json(out);
}

Result<SelfTestVerdict> verdict_from_json(std::string_view text) {
    TRY(const auto value, parse_json(text, "self-test answer"));
    JsonReader in(value, "self-test answer");
    SelfTestVerdict verdict;
    verdict.passed = in.boolean_or("passed", false);
    verdict.reason = in.text("reason");
    verdict.message = in.text("message");
    TRY(in.finish());
    return verdict;
}

}  // namespace strandline::agent
