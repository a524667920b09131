#include "store/sql/pool.h"

#include <fmt/core.h>

namespace strandline::store {

SessionPool::SessionPool(std::unique_ptr<Dialect> dialect, std::chrono::milliseconds wait)
    : dialect_(std::move(dialect)), wait_(wait) {}

Status SessionPool::fill(std::size_t count) {
    const std::lock_guard lock(mutex_);
    while (idle_.size() < count) {
        TRY(auto session, Session::connect(*dialect_));
        idle_.push_back(std::move(session));
    }
    return {};
}

bool SessionPool::is_free(bool write) const { return !idle_.empty() && !(write && writing_); }

Result<std::unique_ptr<Session>> SessionPool::acquire(bool write) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, wait_, [&] { return is_free(write); })) {
        return fail(Errc::exhausted,
                    fmt::format("no database session came free within {} ms", wait_.count()));
    }
    auto session = std::move(idle_.back());
    idle_.pop_back();
    if (write) writing_ = true;
    return session;
}

void SessionPool::release(std::unique_ptr<Session> session, bool write) {
    {
        const std::lock_guard lock(mutex_);
        idle_.push_back(std::move(session));
        if (write) writing_ = false;
    }
    changed_.notify_all();
}

}  // namespace strandline::store
