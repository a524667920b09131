#include "fleet/operator_token_store.h"

#include <fmt/core.h>

#include "base/ids.h"
#include "base/sha256.h"
#include "trust/token.h"

namespace strandline::fleet {
namespace {

using store::Row;
using store::Transaction;

Result<OperatorToken> token_of(const Row& row) {
    OperatorToken token;
    token.id = row.text(1);
    token.name = row.text(2);
    TRY(token.role, role_from(row.text(3)));
    token.created = from_unix_ms(row.integer(4));
    if (!row.is_null(5)) token.expires = from_unix_ms(row.integer(5));
    return token;
}

Error unknown(std::string_view id) {
    return fail(Errc::not_found, fmt::format("token {} is unknown", id.substr(0, 64)));
}

Status keep_one_admin(Transaction& transaction, std::string_view id) {
    TRY(const auto row,
        transaction.query_one("SELECT role, expires_ms FROM operator_tokens WHERE id = :1",
                              {std::string(id)}));
    if (!row) return unknown(id);
    if (row->text(0) != to_string(Role::admin) || !row->is_null(1)) return {};
    TRY(const auto others,
        transaction.query_one("SELECT COUNT(*) FROM operator_tokens WHERE id <> :1 "
                              "AND role = 'admin' AND expires_ms IS NULL",
                              {std::string(id)}));
    if (others && others->integer(0) > 0) return {};
    return fail(
        Errc::conflict,
        fmt::format("token {} is the last admin token without an end; make another one first", id));
}

}  // namespace

std::string_view to_string(Role role) {
    switch (role) {
        case Role::viewer:
            return "viewer";
        case Role::operator_:
            return "operator";
        case Role::admin:
            return "admin";
    }
    return "viewer";
}

Result<Role> role_from(std::string_view text) {
    for (const auto role : {Role::viewer, Role::operator_, Role::admin}) {
        if (text == to_string(role)) return role;
    }
    return fail(Errc::invalid,
                fmt::format("role \"{}\": one of viewer, operator, admin", text.substr(0, 32)));
}

Result<NewOperatorToken> OperatorTokenStore::create(const OperatorTokenRequest& request,
                                                    std::string_view ca_sha256) {
    TRY(check_name("name", request.name));
    if (request.expires_in && request.expires_in->count() < 1) {
        return fail(Errc::invalid, "token: expires_in_s: at least 1");
    }
    const auto secret = trust::Token::make(trust::operator_token_kind, ca_sha256, *random_);
    const auto now = clock_->wall();
    NewOperatorToken made;
    made.text = secret.text();
    made.token = {secret.id, request.name, request.role, now, std::nullopt};
    store::SqlValue expires;
    if (request.expires_in) {
        made.token.expires = now + *request.expires_in;
        expires = to_unix_ms(*made.token.expires);
    }
    TRY(database_->write<void>([&](Transaction& t) -> Status {
        TRY(
            t.execute("INSERT INTO operator_tokens (id, name, role, secret_hash, created_ms, "
                      "expires_ms) VALUES (:1, :2, :3, :4, :5, :6)",
                      {secret.id, request.name, std::string(to_string(request.role)),
                       trust::secret_hash(secret.secret).hex(), to_unix_ms(now), expires}));
        return {};
    }));
    return made;
}

Result<OperatorToken> OperatorTokenStore::authenticate(std::string_view text) const {
    const Error refused = fail(Errc::unauthenticated, "bearer token: unknown or expired");
    const auto token = trust::Token::parse(text, trust::operator_token_kind);
    if (!token) return refused;
    return database_->read<OperatorToken>([&](Transaction& t) -> Result<OperatorToken> {
        TRY(const auto row,
            t.query_one("SELECT secret_hash, id, name, role, created_ms, expires_ms "
                        "FROM operator_tokens WHERE id = :1",
                        {token->id}));
        if (!row) return refused;
        TRY(const auto stored, Sha256Digest::from_hex(row->text(0)));
        if (!trust::secret_matches(token->secret, stored)) return refused;
        TRY(auto known, token_of(*row));
        if (known.expires && *known.expires <= clock_->wall()) return refused;
        return known;
    });
}

Result<registry::Page<OperatorToken>> OperatorTokenStore::list(
    const registry::PageRequest& page) const {
    TRY(const auto before, registry::sequence_cursor(page, registry::newest_first));
    const auto limit = registry::page_limit(page);
    TRY(const auto rows, database_->read<std::vector<Row>>([&](Transaction& t) {
        return t.query(
            "SELECT sequence, id, name, role, created_ms, expires_ms FROM operator_tokens "
            "WHERE sequence < :1 ORDER BY sequence DESC LIMIT :2",
            {before, static_cast<std::int64_t>(limit + 1)});
    }));
    registry::Page<OperatorToken> out;
    for (std::size_t i = 0; i < std::min(limit, rows.size()); ++i) {
        TRY(auto token, token_of(rows[i]));
        out.items.push_back(std::move(token));
    }
    if (rows.size() > limit) out.next = std::to_string(rows[limit - 1].integer(0));
    return out;
}

Status OperatorTokenStore::remove(std::string_view id) {
    return database_->write<void>([&](Transaction& t) -> Status {
        TRY(keep_one_admin(t, id));
        t.end_access();
        TRY(t.execute("DELETE FROM operator_tokens WHERE id = :1", {std::string(id)}));
        return {};
    });
}

Result<std::int64_t> OperatorTokenStore::count() const {
    return database_->read<std::int64_t>([&](Transaction& t) -> Result<std::int64_t> {
        TRY(const auto row, t.query_one("SELECT COUNT(*) FROM operator_tokens"));
        return row->integer(0);
    });
}

}  // namespace strandline::fleet
