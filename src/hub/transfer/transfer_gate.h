#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/metrics.h"
#include "net/runtime.h"
#include "net/shared_rate.h"
#include "policy/download_queue.h"

namespace strandline::hub {

struct TransferLimits {
    std::uint64_t bytes_per_second = 0;  ///< 0 is no limit
    std::size_t max_concurrent = 256;
};

/// Admits downloads so that together they keep a byte rate and a number at once. Who can start soon
/// waits here with its request open; who cannot is told when to come back, and keeps its place
/// until then. Belongs to the I/O thread; shared with the transfers under way, which report to it
/// when they end.
class TransferGate : public std::enable_shared_from_this<TransferGate> {
public:
    TransferGate(net::Runtime& runtime, TransferLimits limits, const Clock& clock,
                 Metrics& metrics);

    /// The right to send up to `bytes`. Ends when destroyed; what was not sent is given back.
    class Ticket {
    public:
        Ticket(std::shared_ptr<TransferGate> gate, std::uint64_t bytes, SteadyTime started);
        ~Ticket();
        Ticket(const Ticket&) = delete;
        Ticket& operator=(const Ticket&) = delete;
        /// How many bytes went out after all. The place is free for the next; after a complete
        /// transfer, for the next one at once.
        void ended(std::uint64_t sent, bool complete);

    private:
        std::shared_ptr<TransferGate> gate_;
        std::uint64_t bytes_;
        SteadyTime started_;
    };

    /// `who` names client and file. `exhausted` (429) with retry_after when the start is not soon.
    [[nodiscard]] net::Task<std::shared_ptr<Ticket>> enter(std::string who, std::uint64_t bytes);
    /// What all downloads share; null without a limit.
    [[nodiscard]] const std::shared_ptr<net::SharedRate>& rate() const { return rate_; }
    [[nodiscard]] std::size_t running() const { return queue_.running(); }

private:
    struct Waiter;
    [[nodiscard]] policy::LineState line() const;
    [[nodiscard]] std::shared_ptr<Ticket> admit(std::uint64_t bytes);
    [[nodiscard]] net::Task<std::shared_ptr<Ticket>> wait(policy::DownloadQueue::Id id,
                                                          std::uint64_t bytes);
    [[nodiscard]] static boost::asio::awaitable<void> keep_draining(
        std::shared_ptr<TransferGate> self);
    void drain();
    void finish(std::uint64_t unsent, std::chrono::nanoseconds took);
    /// Brings the metrics up to date.
    void show();

    net::Runtime* runtime_;
    const Clock* clock_;
    policy::DownloadQueue queue_;
    std::shared_ptr<net::SharedRate> rate_;  // shared with the responses under way
    std::uint64_t admitted_ = 0;             ///< bytes, less what was given back
    std::unordered_map<policy::DownloadQueue::Id, std::weak_ptr<Waiter>> waiters_;
    bool draining_ = false;
    Gauge* running_gauge_;
    Gauge* waiting_gauge_;
    Counter* deferred_;
    Counter* paced_;
    std::uint64_t shown_ = 0;  ///< of what went out at the common rate
};

}  // namespace strandline::hub
