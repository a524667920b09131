#include "fleet/join_token_store.h"

#include <fmt/core.h>

#include "base/ids.h"
#include "fleet/selector.h"
#include "registry/columns_json.h"

namespace strandline::fleet {
namespace {

using store::Row;
using store::Transaction;

constexpr std::int64_t max_uses = 1'000'000;
constexpr std::chrono::hours longest{24 * 3653};

Status check(const JoinTokenRequest& request) {
    if (request.uses < 1 || request.uses > max_uses) {
        return fail(Errc::invalid, fmt::format("join token: uses: 1 to {}", max_uses));
    }
    if (request.expires_in < std::chrono::seconds{1} || request.expires_in > longest) {
        return fail(Errc::invalid, "join token: expires_in_s: 1 second to 10 years");
    }
    if (!request.cluster.empty()) TRY(check_name("cluster", request.cluster));
    return check_labels(request.labels);
}

// id, uses, used, labels, cluster, created_by, created_ms, expires_ms from column `first` on.
Result<JoinToken> token_of(const Row& row, std::size_t first) {
    JoinToken token;
    token.id = row.text(first);
    token.uses = row.integer(first + 1);
    token.used = row.integer(first + 2);
    TRY(token.labels, registry::labels_from_json(row.text(first + 3)));
    token.cluster = row.text(first + 4);
    token.created_by = row.text(first + 5);
    token.created = from_unix_ms(row.integer(first + 6));
    token.expires = from_unix_ms(row.integer(first + 7));
    return token;
}

}  // namespace

Result<NewJoinToken> JoinTokenStore::create(const JoinTokenRequest& request,
                                            std::string_view ca_sha256) {
    TRY(check(request));
    const auto secret = trust::Token::make(trust::join_token_kind, ca_sha256, *random_);
    const auto now = clock_->wall();
    NewJoinToken made;
    made.text = secret.text();
    made.token = {secret.id,       request.uses,       0,   request.labels,
                  request.cluster, request.created_by, now, now + request.expires_in};
    TRY(database_->write<void>([&](Transaction& t) -> Status {
        if (!request.cluster.empty()) {
            TRY(const auto row,
                t.query_one("SELECT 1 FROM clusters WHERE name = :1", {request.cluster}));
            if (!row) {
                return fail(Errc::not_found, fmt::format("cluster {} is unknown", request.cluster));
            }
        }
        TRY(t.execute(
            "INSERT INTO join_tokens (id, secret_hash, uses, labels, cluster, created_by, "
            "created_ms, expires_ms) VALUES (:1, :2, :3, :4, :5, :6, :7, :8)",
            {secret.id, trust::secret_hash(secret.secret).hex(), request.uses,
             registry::labels_to_json(request.labels), request.cluster, request.created_by,
             to_unix_ms(now), to_unix_ms(made.token.expires)}));
        return {};
    }));
    return made;
}

Result<registry::Page<JoinToken>> JoinTokenStore::list(const registry::PageRequest& page) const {
    TRY(const auto before, registry::sequence_cursor(page, registry::newest_first));
    const auto limit = registry::page_limit(page);
    TRY(const auto rows, database_->read<std::vector<Row>>([&](Transaction& t) {
        return t.query(
            "SELECT sequence, id, uses, used, labels, cluster, created_by, created_ms, "
            "expires_ms FROM join_tokens WHERE sequence < :1 "
            "ORDER BY sequence DESC LIMIT :2",
            {before, static_cast<std::int64_t>(limit + 1)});
    }));
    registry::Page<JoinToken> out;
    for (std::size_t i = 0; i < std::min(limit, rows.size()); ++i) {
        TRY(auto token, token_of(rows[i], 1));
        out.items.push_back(std::move(token));
    }
    if (rows.size() > limit) out.next = std::to_string(rows[limit - 1].integer(0));
    return out;
}

Status JoinTokenStore::remove(std::string_view id) {
    return database_->write<void>([&](Transaction& t) -> Status {
        TRY(const auto removed,
            t.execute("DELETE FROM join_tokens WHERE id = :1", {std::string(id)}));
        if (removed > 0) return {};
        return fail(Errc::not_found, fmt::format("join token {} is unknown", id.substr(0, 64)));
    });
}

Result<JoinToken> JoinTokenStore::consume(Transaction& transaction, const trust::Token& token,
                                          WallTime now) {
    const Error refused =
        fail(Errc::unauthenticated, "join token: unknown, expired or used up; ask for a new one");
    if (token.kind != trust::join_token_kind) return refused;
    TRY(const auto row, transaction.query_one("UPDATE join_tokens SET used = used + 1 WHERE id = "
                                              ":1 AND used < uses AND expires_ms > :2 "
                                              "RETURNING secret_hash, id, uses, used, labels, "
                                              "cluster, created_by, created_ms, expires_ms",
                                              {token.id, to_unix_ms(now)}));
    if (!row) return refused;
    TRY(const auto stored, Sha256Digest::from_hex(row->text(0)));
    // The use that was taken goes back with the caller's transaction.
    if (!trust::secret_matches(token.secret, stored)) return refused;
    return token_of(*row, 1);
}

}  // namespace strandline::fleet
