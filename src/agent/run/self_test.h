#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "agent/agent_config.h"
#include "agent/disk/release_store.h"
#include "trust/desired_state.h"

namespace strandline::agent {

/// What a self-test found. `reason` is one word: crashed, hung, out_of_memory, wrong_answer,
/// load_error, corrupt.
struct SelfTestVerdict {
    bool passed = false;
    std::string reason;
    std::string message;
    friend bool operator==(const SelfTestVerdict&, const SelfTestVerdict&) = default;
};

[[nodiscard]] std::string to_json(const SelfTestVerdict& verdict);
[[nodiscard]] Result<SelfTestVerdict> verdict_from_json(std::string_view text);

struct SelfTestOptions {
    std::filesystem::path program = "/proc/self/exe";  ///< understands `selftest`
    trust::SelfTestPolicy policy;
    AgentConfig config;
    std::string slot;
};

/// Tries a release in a child process with limits of memory, CPU and time, so that whatever it does
/// cannot hurt us. Blocks: call it on a worker. An error means that no child could be started.
[[nodiscard]] Result<SelfTestVerdict> run_self_test(const Release& release,
                                                    const SelfTestOptions& options);

/// The child's job, as its command line gives it.
struct SelfTestJob {
    std::filesystem::path entry;
    std::filesystem::path bundle;
    std::string golden;  ///< file of the bundle; empty: a smoke test
    double absolute = 0;
    double relative = 0;
    std::filesystem::path library;
};

/// Loads the model and compares its answers. Never fails; says what it found.
[[nodiscard]] SelfTestVerdict judge_model(const SelfTestJob& job);

/// main() of `strandline-agent selftest`: prints one JSON line and ends the process, with 0 when
/// there is a verdict.
[[noreturn]] void self_test_main(const SelfTestJob& job);

}  // namespace strandline::agent
