#include "hub/jobs/delta_news.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace strandline::hub {

boost::asio::awaitable<std::optional<registry::DeltaJob>> DeltaNews::Watch::wait(
    Deadline deadline) {
    while (!finished_ && !deadline.passed()) static_cast<void>(co_await signal_.wait(deadline));
    co_return finished_;
}

std::shared_ptr<DeltaNews::Watch> DeltaNews::watch(const registry::DeltaPair& pair) {
    if (watches_.size() >= sweep_at_) sweep();
    auto made = std::make_shared<Watch>(runtime_->executor());
    auto& others = watches_[pair];
    std::erase_if(others, [](const auto& other) { return other.expired(); });
    others.push_back(made);
    return made;
}

// Each time they have doubled: a constant cost for each watch.
void DeltaNews::sweep() {
    for (auto entry = watches_.begin(); entry != watches_.end();) {
        std::erase_if(entry->second, [](const auto& watch) { return watch.expired(); });
        entry = entry->second.empty() ? watches_.erase(entry) : std::next(entry);
    }
    sweep_at_ = std::max(least_pairs, 2 * watches_.size());
}

void DeltaNews::finished(registry::DeltaJob job) {
    runtime_->post([this, job = std::move(job)] { tell(job); });
}

void DeltaNews::tell(const registry::DeltaJob& job) {
    const auto found = watches_.extract(job.pair);
    if (found.empty()) return;
    for (const auto& weak : found.mapped()) {
        const auto watch = weak.lock();
        if (!watch) continue;
        watch->finished_ = job;
        watch->signal_.notify();
    }
}

}  // namespace strandline::hub
