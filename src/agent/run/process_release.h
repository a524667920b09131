#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "agent/agent_config.h"
#include "agent/disk/release_store.h"
#include "agent/run/process_supervisor.h"
#include "agent/run/running_release.h"
#include "net/runtime.h"

namespace strandline::agent {

/// How the program of a bundle is started: its arguments, environment and limits.
[[nodiscard]] ChildOptions process_options(const std::string& slot, const Release& release,
                                           const std::filesystem::path& port_file,
                                           const AgentConfig::Process& limits);

/// A program of a bundle, supervised. It writes where it listens into the file that
/// STRANDLINE_PORT_FILE names: releases/<digest>/port.<slot>.
class ProcessRelease final : public RunningRelease {
public:
    ProcessRelease(net::Runtime& runtime, std::string slot, Release release,
                   AgentConfig::Process limits);
    [[nodiscard]] net::Task<void> start();

    void publish() override;
    [[nodiscard]] RunStatistics statistics() const override;
    /// A program answers for itself by running: statistics() counts its ends.
    [[nodiscard]] net::Task<std::optional<std::string>> probe() override;
    [[nodiscard]] boost::asio::awaitable<void> stop() override;

private:
    net::Runtime* runtime_;
    std::string slot_;
    Release release_;
    AgentConfig::Process limits_;
    std::filesystem::path port_file_;
    std::shared_ptr<ProcessSupervisor> supervisor_;  // shared with the worker that stops it
    std::uint64_t restarts_at_publish_ = 0;
};

}  // namespace strandline::agent
