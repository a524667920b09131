#include <cstdio>
#include <new>
#include <string>
#include <unistd.h>

#include "agent/run/self_test.h"
#include "base/file.h"
#include "infer/engine.h"
#include "infer/golden.h"

namespace strandline::agent {
namespace {

/// Says so and ends: unwinding through foreign code with no memory left is not to be trusted.
[[noreturn]] void out_of_memory() {
    constexpr std::string_view line =
        R"({"passed":false,"reason":"out_of_memory","message":"the model needs more memory than its limit"})"
        "\n";
    static_cast<void>(!::write(STDOUT_FILENO, line.data(), line.size()));
    ::_exit(0);
}

bool speaks_of_memory(const Error& error) {
    return error.code == Errc::exhausted || error.message.find("alloc") != std::string::npos;
}

SelfTestVerdict failed(std::string reason, const Error& error) {
    if (speaks_of_memory(error)) reason = "out_of_memory";
    return SelfTestVerdict{false, std::move(reason), error.message};
}

}  // namespace

SelfTestVerdict judge_model(const SelfTestJob& job) {
    infer::EngineOptions options;
    options.library = job.library;
    const auto engine = infer::open_onnx_engine(options);
    if (!engine) return failed("unsupported", engine.error());
    const auto model = (*engine)->load(job.entry);
    if (!model) return failed("load_error", model.error());
    if (job.golden.empty()) {
        const auto smoke = infer::check_smoke(**model);
        return smoke ? SelfTestVerdict{true, "", ""} : failed("wrong_answer", smoke.error());
    }
    const auto cases = infer::load_golden(job.bundle, job.golden);
    if (!cases) return failed("corrupt", context("golden vectors", cases.error()));
    const infer::Tolerance tolerance{job.absolute, job.relative};
    const auto right = infer::check_golden(**model, *cases, tolerance);
    return right ? SelfTestVerdict{true, "", ""} : failed("wrong_answer", right.error());
}

void self_test_main(const SelfTestJob& job) {
    std::set_new_handler(out_of_memory);
    const auto line = to_json(judge_model(job)) + "\n";
    const bool told = write_all(STDOUT_FILENO, as_bytes(line)).has_value();
    // Without destructors: a thread of ONNX Runtime may still read what its library's would free,
    // and they take a tenth of the test's time.
    ::_exit(told ? 0 : 1);
}

}  // namespace strandline::agent
