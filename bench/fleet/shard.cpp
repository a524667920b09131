#include "shard.h"

#include <utility>

namespace strandline::fleet_load {
namespace {

constexpr std::chrono::seconds stop_timeout{20};
constexpr std::size_t stop_lanes = 64;

// Every agent may have one piece of blocking work at a time, so this many never overflow.
constexpr net::Runtime::Options loop_options{.worker_threads = 4, .max_queued_work = 40'000};

}  // namespace

Shard::Shard(const Options& options, const agent::AgentConfig& config, Board& board)
    : options_(&options),
      config_(&config),
      board_(&board),
      runtime_(loop_options),
      ended_(runtime_.executor()) {}

Shard::~Shard() { stop(); }

void Shard::add(std::string name) {
    members_.push_back(
        std::make_unique<Member>(runtime_, *options_, *config_, *board_, std::move(name)));
}

boost::asio::awaitable<void> Shard::lane() {
    while (next_ < members_.size()) {
        auto& member = *members_[next_++];
        co_await member.start();
    }
}

void Shard::start(std::size_t parallel) {
    for (std::size_t i = 0; i < parallel; ++i) runtime_.spawn(lane());
    thread_ = std::thread([this] { runtime_.run(); });
}

boost::asio::awaitable<void> Shard::stop_lane(Deadline deadline) {
    while (next_stop_ < members_.size()) {
        auto& member = *members_[next_stop_++];
        co_await member.stop(deadline);
    }
    --stopping_lanes_;
    ended_.notify();
}

boost::asio::awaitable<void> Shard::stop_all() {
    const auto deadline = Deadline::after(stop_timeout);
    next_ = members_.size();
    stopping_lanes_ = stop_lanes;
    for (std::size_t i = 0; i < stop_lanes; ++i) runtime_.spawn(stop_lane(deadline));
    while (stopping_lanes_ > 0 && !deadline.passed())
        static_cast<void>(co_await ended_.wait(deadline));
    runtime_.stop();
}

void Shard::stop() {
    if (!thread_.joinable()) return;
    runtime_.spawn(stop_all());
    thread_.join();
    runtime_.workers().stop();
    members_.clear();
}

}  // namespace strandline::fleet_load
