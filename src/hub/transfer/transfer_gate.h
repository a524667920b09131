#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>

#include "base/clock.h"
#include "base/result.h"
#include "policy/token_bucket.h"

namespace strandline::hub {

struct TransferLimits {
    std::uint64_t bytes_per_second = 0;  ///< 0 is no limit
    std::size_t max_concurrent = 256;
};

/// Admits downloads so that together they keep a byte rate and a number at once. A refused client
/// is told exactly when to come back, so that waiting clients do not ask in between. Thread-safe;
/// shared with the transfers under way, which report to it when they end.
class TransferGate : public std::enable_shared_from_this<TransferGate> {
public:
    TransferGate(TransferLimits limits, const Clock& clock);

    /// The right to send up to `bytes`. Ends when destroyed; what was not sent is given back.
    class Ticket {
    public:
        Ticket(std::shared_ptr<TransferGate> gate, std::uint64_t bytes);
        ~Ticket();
        Ticket(const Ticket&) = delete;
        Ticket& operator=(const Ticket&) = delete;
        /// How many bytes went out after all.
        void sent(std::uint64_t bytes) { sent_ = bytes; }

    private:
        std::shared_ptr<TransferGate> gate_;
        std::uint64_t bytes_;
        std::uint64_t sent_ = 0;
    };

    /// `exhausted` (429) when the rate is used up, `unavailable` (503) when too many transfers run;
    /// both with retry_after.
    [[nodiscard]] Result<std::shared_ptr<Ticket>> admit(std::uint64_t bytes);
    [[nodiscard]] std::size_t running() const;

private:
    void finish(std::uint64_t unsent);

    const TransferLimits limits_;
    const Clock* clock_;
    mutable std::mutex mutex_;
    policy::TokenBucket bucket_;
    std::size_t running_ = 0;
};

}  // namespace strandline::hub
