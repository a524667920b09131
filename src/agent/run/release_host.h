#pragma once

#include <memory>
#include <optional>
#include <string>

#include "agent/agent_config.h"
#include "agent/disk/release_store.h"
#include "agent/run/running_release.h"
#include "gateway/model_table.h"
#include "net/runtime.h"

namespace strandline::agent {

/// Loads and starts releases. The engine is opened with the first model, so an agent without one
/// stays small. Belongs to the I/O thread; loading happens on a worker.
class ReleaseHost {
public:
    /// `models` may be null: then nothing is served here, for agents that only deliver.
    ReleaseHost(net::Runtime& runtime, gateway::ModelTable* models, const AgentConfig& config);
    ~ReleaseHost();

    /// True when releases of this kind can run here; else the reason.
    [[nodiscard]] net::Task<void> can_run(trust::RuntimeKind kind);
    /// Loads beside what runs; nothing changes for clients before publish(). `unavailable` when
    /// this agent cannot run it at all.
    [[nodiscard]] net::Task<std::unique_ptr<RunningRelease>> load(std::string slot,
                                                                  Release release);
    /// Takes a slot away from clients; they are told the reason.
    void withdraw(const std::string& slot, const std::string& reason);

    /// "onnxruntime 1.30.0" once a model needed it, else empty.
    [[nodiscard]] std::string engine() const;

private:
    struct EngineHolder;
    [[nodiscard]] net::Task<std::unique_ptr<RunningRelease>> load_onnx(std::string slot,
                                                                       Release release);
    [[nodiscard]] net::Task<std::unique_ptr<RunningRelease>> start_process(std::string slot,
                                                                           Release release);

    net::Runtime* runtime_;
    gateway::ModelTable* models_;
    AgentConfig config_;
    std::shared_ptr<EngineHolder> engine_;  // shared with loads that run on a worker
};

}  // namespace strandline::agent
