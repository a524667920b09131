#pragma once

#include <functional>
#include <mutex>
#include <set>
#include <string>

#include "base/clock.h"
#include "base/metrics.h"
#include "fleet/event_log.h"
#include "hub/broker/broker.h"
#include "hub/broker/cut_session.h"
#include "hub/broker/mute_list.h"
#include "net/runtime.h"
#include "trust/authority.h"

namespace strandline::hub {

/// Keeps devices from the broker: for good when they are revoked, for a while when they flood it.
/// Of an external broker it can cut sessions only.
class Gatekeeper {
public:
    struct Parts {
        net::Runtime& runtime;
        const trust::CertificateAuthority& authority;
        fleet::EventLog& events;
        Metrics& metrics;
        const Clock& clock;
        Broker* broker = nullptr;  ///< null: an external one
        MuteList::Spans spans;
        std::function<Status()> spread_revocations;  ///< brings the list as of now to the broker
        std::function<SessionCut()> cut;             ///< all but device and certificate
    };

    explicit Gatekeeper(Parts parts);

    /// Puts a device out whose certificates the database calls revoked. Worker thread.
    void revoked(const std::string& device);
    /// Tries again to put out those whom the broker could not be told of, and who may have come
    /// back since. Worker thread.
    [[nodiscard]] Status settle();
    /// Mutes a device that floods us, and ends its session with everything it has sent. I/O thread.
    void flooded(const std::string& device);

    /// Called on the I/O thread when a device has been muted. The broker has dropped messages to us
    /// on the way; those of QoS 1 come again with a new connection.
    std::function<void()> on_muted = [] {};

private:
    [[nodiscard]] boost::asio::awaitable<void> mute(std::string device,
                                                    std::chrono::milliseconds span);
    [[nodiscard]] net::Task<void> apply_mutes();
    [[nodiscard]] Result<SessionCut> order_to_cut(const std::string& device) const;
    [[nodiscard]] static boost::asio::awaitable<void> cut(net::Runtime& runtime, SessionCut order);

    Parts parts_;
    MuteList mutes_;
    std::mutex mutex_;
    std::set<std::string> unsettled_;  ///< revoked, and the broker may not know
    Counter* floods_;
};

}  // namespace strandline::hub
