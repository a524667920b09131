#include "registry/channel_store.h"

#include <fmt/core.h>

#include "base/ids.h"
#include "registry/columns_json.h"
#include "registry/release_store.h"

namespace strandline::registry {
namespace {

using store::Row;
using store::Transaction;

constexpr std::string_view columns =
    "SELECT c.package, c.name, c.release_id, r.version, r.variant, c.moved_ms FROM channels c "
    "JOIN releases r ON r.id = c.release_id WHERE c.package = :1";

Channel channel_of(const Row& row) {
    Channel channel;
    channel.package = row.text(0);
    channel.name = row.text(1);
    channel.release = row.text(2);
    channel.triple = {row.text(0), row.text(3), row.text(4)};
    channel.moved = from_unix_ms(row.integer(5));
    return channel;
}

Error unknown(std::string_view package, std::string_view name) {
    return fail(Errc::not_found, fmt::format("channel {} of package {} is unknown",
                                             name.substr(0, 64), package.substr(0, 64)));
}

Status require_package(Transaction& transaction, std::string_view package) {
    TRY(const auto row,
        transaction.query_one("SELECT name FROM packages WHERE name = :1", {std::string(package)}));
    if (row) return {};
    return fail(Errc::not_found, fmt::format("package {} is unknown", package.substr(0, 64)));
}

}  // namespace

Result<Channel> ChannelStore::get(Transaction& transaction, std::string_view package,
                                  std::string_view name) {
    TRY(const auto row, transaction.query_one(std::string(columns) + " AND c.name = :2",
                                              {std::string(package), std::string(name)}));
    if (!row) return unknown(package, name);
    return channel_of(*row);
}

Result<bool> ChannelStore::point(Transaction& transaction, std::string_view name,
                                 const Release& release, WallTime now) {
    TRY(check_name("channel", name));
    TRY(const auto changed,
        transaction.execute(
            "INSERT INTO channels (package, name, release_id, moved_ms) VALUES (:1, :2, :3, :4) "
            "ON CONFLICT (package, name) DO UPDATE SET release_id = excluded.release_id, "
            "moved_ms = excluded.moved_ms WHERE channels.release_id <> excluded.release_id",
            {release.triple.package, std::string(name), release.id, to_unix_ms(now)}));
    return changed > 0;
}

Result<MovedChannel> ChannelStore::move(std::string_view name, const Triple& target) {
    TRY(const auto triple, check_triple(target));
    return database_->write<MovedChannel>([&](Transaction& t) -> Result<MovedChannel> {
        TRY(const auto release, ReleaseStore::find(t, triple));
        if (!release) {
            return fail(Errc::not_found, fmt::format("release {} is unknown", to_string(triple)));
        }
        MovedChannel out;
        TRY(out.moved, point(t, name, *release, clock_->wall()));
        TRY(out.channel, get(t, triple.package, name));
        if (out.moved && events_) {
            TRY(events_(t, "channel.moved",
                        event_json({{"package", triple.package},
                                    {"channel", std::string(name)},
                                    {"version", triple.version},
                                    {"variant", triple.variant}})));
        }
        return out;
    });
}

Result<Channel> ChannelStore::get(std::string_view package, std::string_view name) const {
    return database_->read<Channel>([&](Transaction& t) { return get(t, package, name); });
}

Result<std::vector<Channel>> ChannelStore::list(std::string_view package) const {
    return database_->read<std::vector<Channel>>(
        [&](Transaction& t) -> Result<std::vector<Channel>> {
            TRY(require_package(t, package));
            TRY(const auto rows,
                t.query(std::string(columns) + " ORDER BY c.name", {std::string(package)}));
            std::vector<Channel> channels;
            channels.reserve(rows.size());
            for (const auto& row : rows) channels.push_back(channel_of(row));
            return channels;
        });
}

Status ChannelStore::remove(std::string_view package, std::string_view name) {
    return database_->write<void>([&](Transaction& t) -> Status {
        TRY(const auto removed, t.execute("DELETE FROM channels WHERE package = :1 AND name = :2",
                                          {std::string(package), std::string(name)}));
        if (removed == 0) return unknown(package, name);
        return {};
    });
}

}  // namespace strandline::registry
