#include "agent/run/onnx_release.h"

#include <utility>

#include "infer/golden.h"

namespace strandline::agent {
namespace {

using Wrong = std::optional<std::string>;

Result<Wrong> ask(infer::Model& model, const Release& release) {
    const auto& golden = *release.manifest.golden;
    TRY(const auto cases, infer::load_golden(release.folder, golden.file));
    const infer::Tolerance tolerance{golden.absolute, golden.relative};
    const auto right = infer::check_golden(model, cases, tolerance);
    return right ? Wrong{} : Wrong{right.error().message};
}

}  // namespace

OnnxRelease::OnnxRelease(net::Runtime& runtime, gateway::ModelTable& models,
                         gateway::ServedModel served, Release release)
    : runtime_(&runtime),
      models_(&models),
      served_(std::move(served)),
      release_(std::move(release)) {}

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

net::Task<Wrong> OnnxRelease::probe() {
    if (!release_.manifest.golden || !served_.model) co_return Wrong{};
    std::function<Result<Wrong>()> work = [model = served_.model, release = release_] {
        return ask(*model, release);
    };
    co_return co_await runtime_->offload(std::move(work));
}

boost::asio::awaitable<void> OnnxRelease::stop() {
    served_.model.reset();
    co_return;
}

}  // namespace strandline::agent
