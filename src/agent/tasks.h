#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <deque>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "net/runtime.h"

namespace strandline::agent {

/// The coroutines of one agent: how they hear that it is time to end, and how that is awaited.
/// Belongs to the I/O thread.
class Tasks {
public:
    explicit Tasks(net::Runtime& runtime) : runtime_(&runtime), ended_(runtime.executor()) {}

    /// Starts one; it must end soon after stopping() is true.
    void spawn(boost::asio::awaitable<void> task);
    /// Runs one for a caller who waits for it, as one of the agent's.
    [[nodiscard]] boost::asio::awaitable<void> attend(boost::asio::awaitable<void> task);
    [[nodiscard]] bool stopping() const { return stopping_; }

    /// A signal that the end of the agent shall notify. Borrowed for the life of this.
    void watch(net::Signal& signal) { watched_.push_back(&signal); }
    /// Waits for a signal, the deadline, or the end of the agent.
    [[nodiscard]] boost::asio::awaitable<void> wait(net::Signal& signal, Deadline deadline);

    /// Asks every task to end and waits for it: false when some still run at the deadline.
    [[nodiscard]] boost::asio::awaitable<bool> stop(Deadline deadline);

private:
    boost::asio::awaitable<void> run(boost::asio::awaitable<void> task);

    net::Runtime* runtime_;
    net::Signal ended_;
    std::set<net::Signal*> waiting_;
    std::vector<net::Signal*> watched_;
    std::size_t running_ = 0;
    bool stopping_ = false;
};

/// A queue for something that one coroutine at a time may do. Belongs to the I/O thread.
class Turn {
public:
    explicit Turn(net::Runtime& runtime) : runtime_(&runtime) {}
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    /// Given back when destroyed.
    class Hold {
    public:
        explicit Hold(Turn& turn) : turn_(&turn) {}
        Hold(Hold&& other) noexcept : turn_(std::exchange(other.turn_, nullptr)) {}
        Hold& operator=(Hold&& other) noexcept;
        ~Hold() { reset(); }
        void reset();

    private:
        Turn* turn_;
    };

    /// Waits until it is our turn, first come first served.
    [[nodiscard]] boost::asio::awaitable<Hold> take();

private:
    void give_back();

    net::Runtime* runtime_;
    bool taken_ = false;
    std::deque<std::shared_ptr<net::Signal>> queue_;  // shared with the coroutine that waits on it
};

}  // namespace strandline::agent
