#include "agent/run/onnx_release.h"

#include <utility>

namespace strandline::agent {

OnnxRelease::OnnxRelease(gateway::ModelTable& models, gateway::ServedModel served)
    : models_(&models), served_(std::move(served)) {}

void OnnxRelease::publish() {
    // What the table gives back is freed with its last request.
    static_cast<void>(models_->publish(served_));
}

RunStatistics OnnxRelease::statistics() const {
    const auto snapshot = served_.statistics->snapshot();
    RunStatistics out;
    out.inferences = snapshot.successes + snapshot.failures;
    out.errors = snapshot.failures;
    out.p99 = snapshot.p99_run;
    return out;
}

boost::asio::awaitable<void> OnnxRelease::stop() {
    served_.model.reset();
    co_return;
}

}  // namespace strandline::agent
