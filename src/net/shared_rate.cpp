#include "net/shared_rate.h"

#include <algorithm>

namespace strandline::net {
namespace {

// A late timer may be made up for within this time.
constexpr std::chrono::milliseconds burst{20};
constexpr std::uint64_t pieces_per_second = 50;
constexpr std::uint64_t smallest_piece = 1024;

}  // namespace

SharedRate::SharedRate(std::uint64_t bytes_per_second, const Clock& clock)
    : clock_(&clock), rate_(bytes_per_second), next_(clock.steady()) {
    STRANDLINE_ASSERT(bytes_per_second > 0);
}

SteadyTime SharedRate::book(std::size_t size) {
    booked_ += size;
    return book_again(size);
}

SteadyTime SharedRate::book_again(std::size_t size) {
    next_ = std::max(next_, clock_->steady() - burst);
    const auto at = next_;
    const std::chrono::duration<double> span(static_cast<double>(size) /
                                             static_cast<double>(rate_));
    next_ += std::chrono::duration_cast<std::chrono::nanoseconds>(span);
    return at;
}

bool SharedRate::missed(SteadyTime booked) const { return booked < clock_->steady() - burst; }

std::size_t SharedRate::piece(std::size_t largest) const {
    const auto wanted = std::max(rate_ / pieces_per_second, smallest_piece);
    return static_cast<std::size_t>(std::min<std::uint64_t>(wanted, largest));
}

bool SharedRate::saturated() const { return next_ > clock_->steady(); }

}  // namespace strandline::net
