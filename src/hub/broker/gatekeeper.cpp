#include "hub/broker/gatekeeper.h"

#include <utility>

#include "base/log.h"
#include "registry/columns_json.h"

namespace strandline::hub {
namespace {

constexpr std::chrono::seconds cut_deadline{120};
constexpr std::chrono::seconds pass_validity{300};

}  // namespace

Gatekeeper::Gatekeeper(Parts parts)
    : parts_(std::move(parts)),
      mutes_(parts_.spans, parts_.clock),
      floods_(&parts_.metrics.counter("strandline_mqtt_floods_total",
                                      "Devices muted because they flooded the broker.")) {}

void Gatekeeper::revoked(const std::string& device) {
    {
        const std::lock_guard lock(mutex_);
        unsettled_.insert(device);
    }
    const auto settled = settle();
    if (!settled) log_error("revocation of {}: {}", device, settled.error().message);
}

Status Gatekeeper::settle() {
    std::set<std::string> devices;
    {
        const std::lock_guard lock(mutex_);
        devices.swap(unsettled_);
    }
    if (devices.empty()) return {};
    auto spread = parts_.spread_revocations();
    if (!spread) {
        const std::lock_guard lock(mutex_);
        unsettled_.insert(devices.begin(), devices.end());
    }
    for (const auto& device : devices) {
        auto order = order_to_cut(device);
        if (order)
            parts_.runtime.spawn(cut(parts_.runtime, *std::move(order)));
        else
            log_error("session of {} not cut: {}", device, order.error().message);
    }
    return spread;
}

void Gatekeeper::flooded(const std::string& device) {
    if (parts_.broker == nullptr) {
        log_warn("device floods the broker; put it out there, or revoke it device={}", device);
        return;
    }
    const auto span = mutes_.add(device);
    if (span.count() == 0) return;
    floods_->add();
    log_warn("device floods the broker and is muted device={} seconds={}", device,
             span.count() / 1000);
    parts_.runtime.spawn(mute(device, span));
}

boost::asio::awaitable<void> Gatekeeper::mute(std::string device, std::chrono::milliseconds span) {
    const auto muted = co_await apply_mutes();
    if (!muted) log_error("device not muted device={}: {}", device, muted.error().message);
    std::function<Result<SessionCut>()> prepare = [this, device, span]() -> Result<SessionCut> {
        const auto data = registry::event_json(
            {{"device", device}, {"seconds", std::int64_t{span.count() / 1000}}});
        const auto told = parts_.events.append("device.muted", data);
        if (!told) log_warn("event not recorded device={}: {}", device, told.error().message);
        return order_to_cut(device);
    };
    auto order = co_await parts_.runtime.offload<SessionCut>(std::move(prepare));
    if (order)
        co_await cut(parts_.runtime, *std::move(order));
    else
        log_error("session not cut device={}: {}", device, order.error().message);
    on_muted();
    co_await net::sleep_for(span);
    const auto lifted = co_await apply_mutes();
    if (!lifted) log_error("device still muted device={}: {}", device, lifted.error().message);
}

net::Task<void> Gatekeeper::apply_mutes() {
    std::function<Status()> apply = [this] {
        return parts_.broker->mute([this] { return mutes_.names(); },
                                   Deadline::after(broker_reload_deadline));
    };
    co_return co_await parts_.runtime.offload<void>(std::move(apply));
}

Result<SessionCut> Gatekeeper::order_to_cut(const std::string& device) const {
    TRY(auto pass, parts_.authority.issue_client(device, pass_validity));
    auto order = parts_.cut();
    order.client_id = device;
    order.certificate_pem = std::move(pass.issued.certificate_pem);
    order.private_key_pem = std::move(pass.private_key_pem);
    return order;
}

boost::asio::awaitable<void> Gatekeeper::cut(net::Runtime& runtime, SessionCut order) {
    const auto device = order.client_id;
    const auto done =
        co_await cut_session(runtime, std::move(order), Deadline::after(cut_deadline));
    if (!done) log_warn("session of {} not cut: {}", device, done.error().message);
}

}  // namespace strandline::hub
