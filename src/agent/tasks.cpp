#include "agent/tasks.h"

#include <utility>

namespace strandline::agent {

void Tasks::spawn(boost::asio::awaitable<void> task) {
    ++running_;
    runtime_->spawn(run(std::move(task)));
}

boost::asio::awaitable<void> Tasks::attend(boost::asio::awaitable<void> task) {
    ++running_;
    co_await run(std::move(task));
}

boost::asio::awaitable<void> Tasks::run(boost::asio::awaitable<void> task) {
    co_await std::move(task);
    --running_;
    ended_.notify();
}

boost::asio::awaitable<void> Tasks::wait(net::Signal& signal, Deadline deadline) {
    if (stopping_) co_return;
    waiting_.insert(&signal);
    static_cast<void>(co_await signal.wait(deadline));
    waiting_.erase(&signal);
}

boost::asio::awaitable<bool> Tasks::stop(Deadline deadline) {
    stopping_ = true;
    for (auto* signal : waiting_) signal->notify();
    for (auto* signal : watched_) signal->notify();
    while (running_ > 0 && !deadline.passed()) static_cast<void>(co_await ended_.wait(deadline));
    co_return running_ == 0;
}

void Turn::Hold::reset() {
    if (auto* turn = std::exchange(turn_, nullptr)) turn->give_back();
}

Turn::Hold& Turn::Hold::operator=(Hold&& other) noexcept {
    if (this != &other) {
        reset();
        turn_ = std::exchange(other.turn_, nullptr);
    }
    return *this;
}

boost::asio::awaitable<Turn::Hold> Turn::take() {
    if (taken_) {
        const auto mine = std::make_shared<net::Signal>(runtime_->executor());
        queue_.push_back(mine);
        // The turn is handed over, not freed, so nobody can slip in between.
        static_cast<void>(co_await mine->wait(Deadline::never()));
    }
    taken_ = true;
    co_return Hold(*this);
}

void Turn::give_back() {
    if (queue_.empty()) {
        taken_ = false;
        return;
    }
    const auto next = std::move(queue_.front());
    queue_.pop_front();
    next->notify();
}

}  // namespace strandline::agent
