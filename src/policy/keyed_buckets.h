#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "policy/token_bucket.h"

namespace strandline::policy {

/// One token bucket for each key, such as an address, in bounded memory: the key that was used the
/// longest time ago is forgotten first, and a forgotten key starts with a full bucket. Pure: time
/// is a parameter. One thread at a time.
class KeyedBuckets {
public:
    KeyedBuckets(TokenBucketOptions options, std::size_t max_keys)
        : options_(options), max_keys_(max_keys) {}
    KeyedBuckets(const KeyedBuckets&) = delete;
    KeyedBuckets& operator=(const KeyedBuckets&) = delete;

    /// Time until the key is admitted again; zero when at once. Remembers nothing.
    [[nodiscard]] std::chrono::nanoseconds until_admission(std::string_view key,
                                                           SteadyTime now) const;
    /// Takes one from the key's bucket, which may go below zero.
    void charge(std::string_view key, SteadyTime now);
    [[nodiscard]] std::size_t size() const { return buckets_.size(); }

private:
    struct Entry {
        std::string key;
        TokenBucket bucket;
    };

    TokenBucketOptions options_;
    std::size_t max_keys_;
    std::list<Entry> buckets_;  ///< the last used first
    std::unordered_map<std::string_view, std::list<Entry>::iterator> index_;  ///< keys in buckets_
};

}  // namespace strandline::policy
