#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "registry/hooks.h"
#include "registry/release.h"
#include "store/sql/database.h"

namespace strandline::registry {

struct Channel {
    std::string package;
    std::string name;
    std::string release;  ///< id
    Triple triple;
    WallTime moved;
};

struct MovedChannel {
    Channel channel;
    bool moved = false;  ///< false: it pointed there already
};

/// Movable names for releases, per package. Thread-safe; every call blocks on the database.
class ChannelStore {
public:
    ChannelStore(store::Database& database, const Clock& clock, EventSink events)
        : database_(&database), clock_(&clock), events_(std::move(events)) {}

    /// Points the channel at a release, making the channel when it is new. `not_found` when the
    /// release does not exist. Afterwards call fleet::FleetService::on_channel_moved(), moved or
    /// not: whoever moved it may have ended before it could.
    [[nodiscard]] Result<MovedChannel> move(std::string_view name, const Triple& target);
    [[nodiscard]] Result<Channel> get(std::string_view package, std::string_view name) const;
    [[nodiscard]] Result<std::vector<Channel>> list(std::string_view package) const;
    [[nodiscard]] Status remove(std::string_view package, std::string_view name);

    // The same inside a transaction of the caller.
    [[nodiscard]] static Result<Channel> get(store::Transaction& transaction,
                                             std::string_view package, std::string_view name);
    /// True when it moved.
    [[nodiscard]] static Result<bool> point(store::Transaction& transaction, std::string_view name,
                                            const Release& release, WallTime now);

private:
    store::Database* database_;
    const Clock* clock_;
    EventSink events_;
};

}  // namespace strandline::registry
