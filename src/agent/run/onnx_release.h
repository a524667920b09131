#pragma once

#include "agent/run/running_release.h"
#include "gateway/model_table.h"

namespace strandline::agent {

/// A model in this process, reached through the model table.
class OnnxRelease final : public RunningRelease {
public:
    /// `models` is borrowed.
    OnnxRelease(gateway::ModelTable& models, gateway::ServedModel served);

    void publish() override;
    [[nodiscard]] RunStatistics statistics() const override;
    /// Drops our hold; the table or requests in flight may keep the model a little longer.
    [[nodiscard]] boost::asio::awaitable<void> stop() override;

private:
    gateway::ModelTable* models_;
    gateway::ServedModel served_;
};

}  // namespace strandline::agent
