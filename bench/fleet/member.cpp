#include "member.h"

#include <utility>

#include "agent/hub/enroll.h"
#include "agent/hub/identity.h"

namespace strandline::fleet_load {
namespace {

constexpr std::chrono::seconds connect_wait{60};

}  // namespace

Member::Member(net::Runtime& runtime, const Options& options, const agent::AgentConfig& config,
               Board& board, std::string name)
    : runtime_(&runtime),
      options_(&options),
      config_(&config),
      board_(&board),
      name_(std::move(name)),
      connected_signal_(runtime.executor()) {}

Member::~Member() = default;

void Member::linked(bool connected) {
    if (std::exchange(connected_, connected) == connected) return;
    board_->link(connected);
    connected_signal_.notify();
}

void Member::reported(const trust::Report& report) {
    std::string active;
    bool refusing = false;
    for (const auto& slot : report.slots) {
        if (slot.active) active = slot.active->package + "@" + slot.active->version;
        refusing |= slot.refused.has_value();
    }
    if (active != active_) board_->moved(std::exchange(active_, active), active);
    if (!std::exchange(refusing_, refusing) && refusing) board_->refused();
}

net::Task<void> Member::enrol() {
    const agent::StateFolder state(options_->state / name_);
    if (agent::is_enrolled(state.identity())) co_return Status{};
    agent::EnrollOptions enrolment;
    enrolment.hub_url = options_->hub;
    enrolment.token = options_->token;
    enrolment.name = name_;
    CO_TRY(co_await agent::enroll(*runtime_, state, std::move(enrolment)));
    co_return Status{};
}

net::Task<void> Member::start_agent() {
    agent::AgentOptions wanted;
    wanted.config = *config_;
    wanted.state_folder = options_->state / name_;
    wanted.run_models = false;
    wanted.observer.reported = [this](const trust::Report& report) { reported(report); };
    wanted.observer.broker = [this](bool connected) { linked(connected); };
    CO_TRY(agent_, agent::Agent::create(*runtime_, std::move(wanted)));
    co_await agent_->start();
    co_return Status{};
}

Status Member::start_link() {
    const agent::StateFolder state(options_->state / name_);
    TRY(const auto identity, agent::load_identity(state.identity()));
    agent::MqttLink::Handlers handlers;
    handlers.connected = [this] { linked(true); };
    handlers.lost = [this] { linked(false); };
    agent::MqttLink::Session session;
    session.boot = 1;
    TRY(link_, agent::MqttLink::create(*runtime_, identity.address, state.identity(), session,
                                       std::move(handlers)));
    link_->start();
    return {};
}

boost::asio::awaitable<void> Member::start() {
    Status done = co_await enrol();
    if (done) {
        board_->enrolled();
        if (options_->mqtt_only) {
            done = start_link();
        } else {
            done = co_await start_agent();
        }
    }
    if (!done) {
        board_->failed(name_, done.error().message);
        co_return;
    }
    board_->started();
    const auto until = Deadline::after(connect_wait);
    while (!connected_ && !until.passed())
        static_cast<void>(co_await connected_signal_.wait(until));
    if (!connected_) board_->failed(name_, "no connection to the broker within 60 s");
}

boost::asio::awaitable<void> Member::stop(Deadline deadline) {
    if (agent_) static_cast<void>(co_await agent_->stop(deadline));
    if (link_) co_await link_->stop(deadline);
}

}  // namespace strandline::fleet_load
