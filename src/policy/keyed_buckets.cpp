#include "policy/keyed_buckets.h"

namespace strandline::policy {

std::chrono::nanoseconds KeyedBuckets::until_admission(std::string_view key, SteadyTime now) const {
    const auto found = index_.find(key);
    if (found == index_.end()) return std::chrono::nanoseconds{0};
    return found->second->bucket.until_admission(now);
}

void KeyedBuckets::charge(std::string_view key, SteadyTime now) {
    const auto found = index_.find(key);
    if (found != index_.end()) {
        buckets_.splice(buckets_.begin(), buckets_, found->second);
    } else {
        buckets_.push_front({std::string(key), TokenBucket(options_, now)});
        index_.emplace(buckets_.front().key, buckets_.begin());
    }
    // A key that must wait already owes no more for it.
    static_cast<void>(buckets_.front().bucket.try_take(1, now));
    if (buckets_.size() <= max_keys_) return;
    index_.erase(buckets_.back().key);
    buckets_.pop_back();
}

}  // namespace strandline::policy
