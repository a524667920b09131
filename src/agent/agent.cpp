#include "agent/agent.h"

#include <unistd.h>
#include <utility>

#include "agent/agent_parts.h"
#include "agent/hub/messages.h"
#include "agent/hub/renewal.h"
#include "base/log.h"

namespace strandline::agent {

struct Agent::Impl {
    Impl(net::Runtime& runtime, AgentOptions options) : parts(runtime, std::move(options)) {}
    AgentParts parts;

    [[nodiscard]] boost::asio::awaitable<void> start();
    void tell_where();
};

Agent::Agent(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Agent::~Agent() = default;

Result<std::unique_ptr<Agent>> Agent::create(net::Runtime& runtime, AgentOptions options) {
    auto impl = std::make_unique<Impl>(runtime, std::move(options));
    auto& parts = impl->parts;
    TRY(parts.open_state());
    TRY(parts.open_hub());
    TRY(parts.open_serving());
    TRY(parts.open_broker());
    return std::unique_ptr<Agent>(new Agent(std::move(impl)));
}

void Agent::Impl::tell_where() {
    if (!parts.server) return;
    RuntimeInfo info;
    info.pid = ::getpid();
    info.device = parts.identity.address.device;
    info.serve_address = parts.options.config.serve.address;
    info.serve_port = parts.server->port();
    ignore(write_file_atomically(parts.state.info_file(), as_bytes(to_json(info))),
           "it only helps others to find us");
}

boost::asio::awaitable<void> Agent::Impl::start() {
    if (parts.tasks.stopping()) co_return;
    co_await parts.updater->start();
    if (parts.tasks.stopping()) co_return;
    tell_where();
    parts.updater->reconcile(false);
    parts.tasks.spawn(parts.reporter->run());
    parts.tasks.spawn(parts.follow_hub());
    RenewalOptions renewal;
    renewal.identity = parts.state.identity();
    renewal.renewed = [this] {
        if (parts.mqtt) parts.mqtt->reconnect();
    };
    parts.tasks.spawn(keep_certificate(parts.tasks, parts.renewal_wake, *parts.hub, *parts.device,
                                       std::move(renewal)));
    if (parts.mqtt) parts.mqtt->start();
}

boost::asio::awaitable<void> Agent::start() {
    // One of the tasks, since stop() must not leave it behind.
    auto work = impl_->start();
    co_await impl_->parts.tasks.attend(std::move(work));
}

boost::asio::awaitable<bool> Agent::stop(Deadline deadline) {
    auto& parts = impl_->parts;
    const bool ended = co_await parts.tasks.stop(deadline);
    if (!ended) parts.updater->give_back_counts();
    if (parts.mqtt) co_await parts.mqtt->stop(deadline);
    if (parts.server) co_await parts.server->stop(deadline);
    co_await parts.updater->stop_serving();
    if (parts.server) ignore(remove_file(parts.state.info_file()), "a later start replaces it");
    co_return ended;
}

const std::string& Agent::device() const { return impl_->parts.identity.address.device; }

std::uint16_t Agent::serve_port() const {
    return impl_->parts.server ? impl_->parts.server->port() : 0;
}

std::string Agent::serve_url() const {
    if (!impl_->parts.server) return {};
    RuntimeInfo info;
    info.serve_address = impl_->parts.options.config.serve.address;
    info.serve_port = serve_port();
    return info.serve_url();
}

trust::Report Agent::report() { return impl_->parts.build_report(); }

}  // namespace strandline::agent
