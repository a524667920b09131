#include "agent/run/release_host.h"

#include <mutex>
#include <utility>

#include "agent/run/onnx_release.h"
#include "agent/run/process_release.h"
#include "infer/engine.h"

namespace strandline::agent {

/// Opens the engine once, on whichever worker needs it first. A failure is tried again next time,
/// since the library may have been installed meanwhile.
struct ReleaseHost::EngineHolder {
    std::mutex mutex;
    infer::EngineOptions options;
    std::unique_ptr<infer::Engine> engine;

    Result<infer::Engine*> open() {
        const std::lock_guard lock(mutex);
        if (!engine) {
            TRY(engine, infer::open_onnx_engine(options));
        }
        return engine.get();
    }
};

ReleaseHost::ReleaseHost(net::Runtime& runtime, gateway::ModelTable* models,
                         const AgentConfig& config)
    : runtime_(&runtime),
      models_(models),
      config_(config),
      engine_(std::make_shared<EngineHolder>()) {
    engine_->options.library = config.engine.library;
    engine_->options.threads = config.engine.threads;
}

ReleaseHost::~ReleaseHost() = default;

net::Task<void> ReleaseHost::can_run(trust::RuntimeKind kind) {
    if (models_ == nullptr)
        co_return fail(Errc::unavailable, "serving is turned off on this agent");
    if (kind == trust::RuntimeKind::process) co_return Status{};
    if (kind == trust::RuntimeKind::container) {
        co_return fail(Errc::unavailable, "this agent cannot run containers");
    }
    const auto holder = engine_;
    std::function<Status()> open = [holder]() -> Status {
        TRY(holder->open());
        return {};
    };
    co_return co_await runtime_->offload(std::move(open));
}

net::Task<std::unique_ptr<RunningRelease>> ReleaseHost::load(std::string slot, Release release) {
    auto possible = co_await can_run(release.manifest.kind);
    if (!possible) co_return std::move(possible).error();
    if (release.manifest.kind == trust::RuntimeKind::process) {
        co_return co_await start_process(std::move(slot), std::move(release));
    }
    co_return co_await load_onnx(std::move(slot), std::move(release));
}

net::Task<std::unique_ptr<RunningRelease>> ReleaseHost::load_onnx(std::string slot,
                                                                  Release release) {
    const auto holder = engine_;
    const auto entry = release.entry();
    std::function<Result<std::shared_ptr<infer::Model>>()> work =
        [holder, entry]() -> Result<std::shared_ptr<infer::Model>> {
        TRY(auto* engine, holder->open());
        TRY(auto model, engine->load(entry));
        return std::shared_ptr<infer::Model>(std::move(model));
    };
    auto model = co_await runtime_->offload(std::move(work));
    if (!model) co_return context("load " + release.manifest.entry, std::move(model).error());
    gateway::ServedModel served;
    served.name = std::move(slot);
    served.version = release.manifest.version;
    served.model = std::move(*model);
    co_return std::unique_ptr<RunningRelease>(
        std::make_unique<OnnxRelease>(*runtime_, *models_, std::move(served), std::move(release)));
}

net::Task<std::unique_ptr<RunningRelease>> ReleaseHost::start_process(std::string slot,
                                                                      Release release) {
    auto process = std::make_unique<ProcessRelease>(*runtime_, std::move(slot), std::move(release),
                                                    config_.process);
    auto started = co_await process->start();
    if (!started) co_return std::move(started).error();
    co_return std::unique_ptr<RunningRelease>(std::move(process));
}

void ReleaseHost::withdraw(const std::string& slot, const std::string& reason) {
    if (models_ != nullptr) models_->withdraw(slot, reason);
}

std::string ReleaseHost::engine() const {
    const std::lock_guard lock(engine_->mutex);
    return engine_->engine ? engine_->engine->description() : std::string{};
}

}  // namespace strandline::agent
