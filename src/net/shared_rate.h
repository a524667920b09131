#pragma once

#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace strandline::net {

/// One rate for the bodies of many responses together. Each piece is booked before it is sent, so
/// the rate holds whatever their number, up to a burst of a fiftieth of a second. Belongs to the
/// I/O thread.
class SharedRate {
public:
    explicit SharedRate(std::uint64_t bytes_per_second, const Clock& clock = system_clock());

    /// Books `size` bytes and answers when they may go.
    [[nodiscard]] SteadyTime book(std::size_t size);
    /// A new time for a piece that was booked and is later than a timer can be: were all that a
    /// stall held up sent at once, the rate would be exceeded.
    [[nodiscard]] SteadyTime book_again(std::size_t size);
    [[nodiscard]] bool missed(SteadyTime booked) const;
    /// Takes back what was booked and will not be sent; the time that it had stays empty.
    void give_back(std::size_t size) { booked_ -= size; }
    /// Counts what went out.
    void count_sent(std::uint64_t size) { sent_ += size; }
    [[nodiscard]] std::uint64_t sent() const { return sent_; }
    /// The largest piece to book at once.
    [[nodiscard]] std::size_t piece(std::size_t largest) const;
    /// True while what is booked already fills the rate.
    [[nodiscard]] bool saturated() const;
    /// Everything booked so far and not given back.
    [[nodiscard]] std::uint64_t booked() const { return booked_; }

private:
    const Clock* clock_;
    std::uint64_t rate_;
    SteadyTime next_;
    std::uint64_t booked_ = 0;
    std::uint64_t sent_ = 0;
};

}  // namespace strandline::net
