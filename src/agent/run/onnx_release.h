#pragma once

#include "agent/disk/release_store.h"
#include "agent/run/running_release.h"
#include "gateway/model_table.h"

namespace strandline::agent {

/// A model in this process, reached through the model table.
class OnnxRelease final : public RunningRelease {
public:
    /// `runtime` and `models` are borrowed.
    OnnxRelease(net::Runtime& runtime, gateway::ModelTable& models, gateway::ServedModel served,
                Release release);

    void publish() override;
    [[nodiscard]] RunStatistics statistics() const override;
    [[nodiscard]] net::Task<std::optional<std::string>> probe() override;
    /// Drops our hold; the table or requests in flight may keep the model a little longer.
    [[nodiscard]] boost::asio::awaitable<void> stop() override;

private:
    net::Runtime* runtime_;
    gateway::ModelTable* models_;
    gateway::ServedModel served_;
    Release release_;
};

}  // namespace strandline::agent
