#include <algorithm>
#include <chrono>
#include <csignal>
#include <fmt/core.h>

#include "agent/run/process_release.h"
#include "agent/run/self_test.h"
#include "base/subprocess.h"

namespace strandline::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// The engine may keep a small scratch file; a model has no business writing.
constexpr std::uint64_t max_child_file_bytes = std::uint64_t{64} << 20;

ChildLimits limits_for(const SelfTestOptions& options) {
    ChildLimits limits;
    const auto wanted = options.policy.memory_bytes;
    limits.address_space_bytes = wanted > 0 ? wanted : options.config.self_test.memory_bytes;
    limits.cpu = std::chrono::ceil<seconds>(options.policy.timeout) + seconds{1};
    limits.file_size_bytes = max_child_file_bytes;
    limits.first_out_of_memory = true;
    return limits;
}

ChildOptions model_child(const Release& release, const SelfTestOptions& options) {
    ChildOptions child;
    child.argv = {options.program.string(), "selftest", "--entry",
                  release.entry().string(), "--bundle", release.folder.string()};
    if (const auto& golden = release.manifest.golden) {
        for (const auto& word : {std::string("--golden"), golden->file, std::string("--absolute"),
                                 fmt::format("{}", golden->absolute), std::string("--relative"),
                                 fmt::format("{}", golden->relative)}) {
            child.argv.push_back(word);
        }
    }
    if (!options.config.engine.library.empty()) {
        child.argv.insert(child.argv.end(), {"--library", options.config.engine.library.string()});
    }
    child.limits = limits_for(options);
    child.time_limit = options.policy.timeout;
    child.grace = milliseconds{0};
    return child;
}

SelfTestVerdict failed(std::string reason, std::string message) {
    return SelfTestVerdict{false, std::move(reason), std::move(message)};
}

/// The last line of what the child said on standard error, for the reader of the report.
std::string last_words(const ChildResult& result) {
    std::string_view text = result.error;
    while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
    const auto start = text.rfind('\n');
    if (start != std::string_view::npos) text.remove_prefix(start + 1);
    return text.empty() ? std::string{} : ": " + std::string(text.substr(0, 300));
}

/// What the end of the child alone says, when it gave no verdict.
SelfTestVerdict judge_end(const ChildResult& result, const SelfTestOptions& options) {
    if (result.timed_out || result.signal == SIGXCPU) {
        return failed("hung",
                      fmt::format("no answer within {} ms", options.policy.timeout.count()));
    }
    // We did not send it, so it was the kernel's out-of-memory killer.
    if (result.signal == SIGKILL)
        return failed("out_of_memory", "the kernel ended it for lack of memory");
    return failed("crashed", "the self-test " + result.describe() + last_words(result));
}

Result<SelfTestVerdict> test_model(const Release& release, const SelfTestOptions& options) {
    TRY(const auto result, run_child(model_child(release, options)));
    if (!result.success()) return judge_end(result, options);
    auto verdict = verdict_from_json(result.output);
    if (!verdict) return failed("crashed", "the self-test gave no verdict" + last_words(result));
    return verdict;
}

/// A program proves itself by living through its settling time, or by an orderly end.
Result<SelfTestVerdict> test_process(const Release& release, const SelfTestOptions& options) {
    const auto port_file = release.folder.parent_path() / ("port.selftest." + options.slot);
    auto child = process_options(options.slot, release, port_file, options.config.process);
    child.environment.emplace_back("STRANDLINE_SELF_TEST", "1");
    child.standard_output = ChildOutput::discard;
    child.standard_error = ChildOutput::capture;
    child.on_line = nullptr;
    if (options.policy.memory_bytes > 0)
        child.limits.address_space_bytes = options.policy.memory_bytes;
    child.limits.first_out_of_memory = true;
    child.time_limit = std::min(options.config.self_test.process_settle, options.policy.timeout);
    const auto result = run_child(std::move(child));
    if (!result) return failed("load_error", result.error().message);
    if (result->timed_out || result->success()) return SelfTestVerdict{true, "", ""};
    return judge_end(*result, options);
}

}  // namespace

Result<SelfTestVerdict> run_self_test(const Release& release, const SelfTestOptions& options) {
    if (release.manifest.kind == trust::RuntimeKind::process) return test_process(release, options);
    return test_model(release, options);
}

}  // namespace strandline::agent
