#include "agent/transfer/byte_budget.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/log.h"

namespace strandline::agent {
namespace {

using std::chrono::days;

// What a crash may cost: small beside the budget, large beside a write.
constexpr std::uint64_t min_step = 4 * 1024;
constexpr std::uint64_t max_step = 1024 * 1024;

std::int64_t day_of(WallTime time) {
    return std::chrono::floor<days>(time).time_since_epoch().count();
}

}  // namespace

ByteBudget::ByteBudget(StateFolder folder, std::uint64_t max_per_day, std::function<WallTime()> now)
    : folder_(std::move(folder)), max_per_day_(max_per_day), now_(std::move(now)) {
    if (!limited()) return;
    const auto record = folder_.load_budget();
    if (!record) log_error("byte budget unreadable error=\"{}\"", record.error().message);
    day_ = record ? record->day : day_of(now_());
    // A record that cannot be read may hide a day that was spent.
    used_ = charged_ = record ? record->bytes : max_per_day_;
}

void ByteBudget::turn_day() {
    const auto today = day_of(now_());
    if (today == day_) return;
    const bool forward = today > std::exchange(day_, today);
    // What is spent stays spent when the clock goes back, for the day that it goes back to: waiting
    // for the day that was recorded could take years after a wrong date.
    if (forward)
        used_ = charged_ = 0;
    else
        charge(used_);
}

std::uint64_t ByteBudget::left() {
    if (!limited()) return std::numeric_limits<std::uint64_t>::max();
    turn_day();
    return max_per_day_ - std::min(used_, max_per_day_);
}

void ByteBudget::charge(std::uint64_t bytes) {
    charged_ = bytes;
    const auto saved = folder_.save_budget(BudgetRecord{day_, bytes});
    if (!saved) log_warn("byte budget not saved error=\"{}\"", saved.error().message);
}

void ByteBudget::spend(std::uint64_t bytes) {
    if (!limited()) return;
    turn_day();
    used_ += bytes;
    if (used_ > charged_) charge(used_ + std::clamp(max_per_day_ / 16, min_step, max_step));
}

std::chrono::milliseconds ByteBudget::until_next_day() const {
    const auto next = std::chrono::sys_days{days{day_of(now_()) + 1}};
    return std::chrono::duration_cast<std::chrono::milliseconds>(next - now_());
}

void ByteBudget::settle() {
    if (limited() && charged_ != used_) charge(used_);
}

}  // namespace strandline::agent
