#include "base/backoff.h"

#include <algorithm>

namespace strandline {

std::chrono::milliseconds Backoff::next() {
    constexpr unsigned max_doublings = 30;
    const auto ceiling =
        std::min<std::int64_t>(cap_.count(), base_.count() << std::min(attempts_, max_doublings));
    ++attempts_;
    return std::chrono::milliseconds{static_cast<std::int64_t>(
        random_->below(static_cast<std::uint64_t>(std::max<std::int64_t>(ceiling, 1))))};
}

}  // namespace strandline
