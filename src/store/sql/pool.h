#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "store/sql/session.h"

namespace strandline::store {

/// The idle sessions of a database. Internal to store/sql. Thread-safe.
///
/// It also admits one writer at a time: SQLite itself would make the second one poll with growing
/// pauses, which is slow and unfair; on PostgreSQL it would keep a session waiting for the lock of
/// writers, which is there for those of other processes.
class SessionPool {
public:
    SessionPool(std::unique_ptr<Dialect> dialect, std::chrono::milliseconds wait);

    /// Connects `count` sessions.
    [[nodiscard]] Status fill(std::size_t count);
    /// An idle session, waiting for one until the deadline; then `exhausted`.
    [[nodiscard]] Result<std::unique_ptr<Session>> acquire(bool write);
    void release(std::unique_ptr<Session> session, bool write);

    [[nodiscard]] const Dialect& dialect() const { return *dialect_; }

private:
    [[nodiscard]] bool is_free(bool write) const;

    const std::unique_ptr<Dialect> dialect_;
    const std::chrono::milliseconds wait_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::unique_ptr<Session>> idle_;
    bool writing_ = false;
};

}  // namespace strandline::store
