#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fmt/core.h>
#include <sys/resource.h>

#include "base/json.h"
#include "board.h"

namespace strandline::fleet_load {
namespace {

double seconds_of(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

double at_fraction(const std::vector<double>& sorted, double fraction) {
    const auto last = static_cast<double>(sorted.size() - 1);
    return sorted[static_cast<std::size_t>(std::lround(last * fraction))];
}

/// The most that came back within one second.
std::size_t busiest_second(const std::vector<double>& sorted) {
    std::size_t most = 0;
    for (std::size_t first = 0, next = 0; first < sorted.size(); ++first) {
        while (next < sorted.size() && sorted[next] < sorted[first] + 1.0) ++next;
        most = std::max(most, next - first);
    }
    return most;
}

}  // namespace

Board::Board(std::size_t agents, const Clock& clock)
    : agents_(agents), clock_(&clock), start_(clock.steady()) {}

double Board::since_start(SteadyTime at) const {
    return std::chrono::duration<double>(at - start_).count();
}

void Board::print(const std::string& line) const {
    std::fwrite(line.data(), 1, line.size(), stdout);
    std::fputc('\n', stdout);
    std::fflush(stdout);
}

void Board::enrolled() {
    const std::lock_guard lock(mutex_);
    ++enrolled_;
}

void Board::started() {
    const std::lock_guard lock(mutex_);
    ++started_;
}

void Board::failed(const std::string& device, const std::string& why) {
    const std::lock_guard lock(mutex_);
    ++failed_;
    print(fmt::format("failed device={} error=\"{}\"", device, why));
}

void Board::link(bool connected) {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    const auto now = clock_->steady();
    if (!connected) {
        --online_;
        ++losses_;
        if (complete_ && returns_s_.empty() && online_ + 1 == agents_) first_loss_ = now;
        return;
    }
    ++online_;
    if (complete_) returns_s_.push_back(std::chrono::duration<double>(now - first_loss_).count());
    if (online_ == agents_) everybody_is_back();
}

void Board::everybody_is_back() {
    const auto unix_ms = to_unix_ms(clock_->wall());
    if (!complete_) {
        complete_ = true;
        print(fmt::format("ready agents={} seconds={:.3f} unix_ms={}", agents_,
                          since_start(clock_->steady()), unix_ms));
        return;
    }
    std::sort(returns_s_.begin(), returns_s_.end());
    print(
        fmt::format("reconnected agents={} connections={} first_s={:.3f} median_s={:.3f} "
                    "last_s={:.3f} busiest_second={} unix_ms={}",
                    agents_, returns_s_.size(), returns_s_.front(), at_fraction(returns_s_, 0.5),
                    returns_s_.back(), busiest_second(returns_s_), unix_ms));
    returns_s_.clear();
}

void Board::moved(const std::string& from, const std::string& to) {
    const std::lock_guard lock(mutex_);
    if (!from.empty()) --releases_[from].now;
    if (to.empty()) return;
    auto& reached = releases_[to];
    const auto now = clock_->steady();
    if (++reached.now == 1) reached.first = now;
    if (reached.now != agents_) return;
    const std::chrono::duration<double> span = now - reached.first;
    print(fmt::format("active release={} agents={} spread_s={:.3f} unix_ms={}", to, agents_,
                      span.count(), to_unix_ms(clock_->wall())));
}

void Board::refused() {
    const std::lock_guard lock(mutex_);
    ++refused_;
}

void Board::close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
}

void Board::print_progress() {
    const std::lock_guard lock(mutex_);
    std::string releases;
    for (const auto& [name, reached] : releases_) {
        if (reached.now > 0) releases += fmt::format(" {}={}", name, reached.now);
    }
    print(fmt::format("progress s={:.0f} enrolled={} started={} online={} failed={} refused={}{}",
                      since_start(clock_->steady()), enrolled_, started_, online_, failed_,
                      refused_, releases));
}

void Board::print_summary() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const std::lock_guard lock(mutex_);
    boost::json::object releases;
    for (const auto& [name, reached] : releases_) releases[name] = reached.now;
    print(write_json(
        boost::json::object{{"agents", agents_},
                            {"enrolled", enrolled_},
                            {"started", started_},
                            {"online", online_},
                            {"failed", failed_},
                            {"refused", refused_},
                            {"losses", losses_},
                            {"releases", std::move(releases)},
                            {"cpu_s", seconds_of(used.ru_utime) + seconds_of(used.ru_stime)},
                            {"peak_memory_bytes", std::int64_t{used.ru_maxrss} * 1024},
                            {"seconds", since_start(clock_->steady())}}));
}

}  // namespace strandline::fleet_load
