#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "net/runtime.h"
#include "registry/delta_job.h"

namespace strandline::hub {

/// Tells requests that wait for a delta when it is built, so that nobody has to ask again. Deltas
/// built by other replicas are no news here.
class DeltaNews {
public:
    /// Who waits for one pair. Belongs to the I/O thread.
    class Watch {
    public:
        explicit Watch(const boost::asio::any_io_executor& executor) : signal_(executor) {}
        /// The finished job, or nothing when the deadline passed first.
        [[nodiscard]] boost::asio::awaitable<std::optional<registry::DeltaJob>> wait(
            Deadline deadline);

    private:
        friend class DeltaNews;
        net::Signal signal_;
        std::optional<registry::DeltaJob> finished_;
    };

    explicit DeltaNews(net::Runtime& runtime) : runtime_(&runtime) {}

    /// Begin to watch before looking at the job's state, and nothing is missed. I/O thread.
    [[nodiscard]] std::shared_ptr<Watch> watch(const registry::DeltaPair& pair);
    /// A job came to its end. Thread-safe.
    void finished(registry::DeltaJob job);
    /// Pairs that are remembered: at most about twice those that somebody waits for. I/O thread.
    [[nodiscard]] std::size_t pairs() const { return watches_.size(); }

private:
    void tell(const registry::DeltaJob& job);
    void sweep();

    net::Runtime* runtime_;
    // Weak: a request that went away needs no news.
    std::map<registry::DeltaPair, std::vector<std::weak_ptr<Watch>>> watches_;
    static constexpr std::size_t least_pairs = 64;
    std::size_t sweep_at_ = least_pairs;  ///< most pairs that are asked for are never built
};

}  // namespace strandline::hub
