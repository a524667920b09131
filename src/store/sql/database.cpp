#include "store/sql/database.h"

#include <atomic>
#include <fcntl.h>
#include <filesystem>

#include "base/file.h"
#include "store/sql/migrate.h"
#include "store/sql/pool.h"

namespace strandline::store {
namespace {

constexpr std::string_view sqlite_prefix = "sqlite:";
constexpr std::string_view memory_path = ":memory:";

// Made before SQLite does, so that nobody else can read it; the journals take over its mode.
Status prepare_file(const std::string& path) {
    if (path == memory_path) return {};
    if (path.empty() || path.find('"') != std::string::npos) {
        return fail(Errc::invalid, "database url: write sqlite:/path/to/file.db, without quotes");
    }
    const std::filesystem::path file(path);
    if (file.has_parent_path()) TRY(make_folders(file.parent_path()));
    TRY(open_file(file, O_RDWR | O_CREAT, 0600));
    return {};
}

Result<std::unique_ptr<Dialect>> make_dialect(DatabaseOptions& options) {
    if (options.sessions == 0)
        return fail(Errc::invalid, "database sessions: at least 1 is needed");
    if (options.url.starts_with(sqlite_prefix)) {
        std::string path = options.url.substr(sqlite_prefix.size());
        TRY(prepare_file(path));
        // Each session would see an empty database of its own.
        if (path == memory_path) options.sessions = 1;
        return make_sqlite_dialect(std::move(path), options);
    }
    if (options.url.starts_with("postgresql://") || options.url.starts_with("postgres://")) {
        return make_postgresql_dialect(options.url, options);
    }
    return fail(Errc::invalid, "database url: starts with sqlite: or postgresql://");
}

}  // namespace

struct Transaction::Impl {
    SessionPool* pool;
    std::unique_ptr<Session> session;
    bool write;
    std::atomic<std::int64_t>* access_changes;
    bool ends_access = false;

    Impl(SessionPool& from, std::unique_ptr<Session> taken, bool writes,
         std::atomic<std::int64_t>& changes)
        : pool(&from), session(std::move(taken)), write(writes), access_changes(&changes) {}
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl() { give_back(); }

    void give_back() {
        if (!session) return;
        session->rollback();
        pool->release(std::move(session), write);
    }
};

Transaction::Transaction(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Transaction::Transaction(Transaction&&) noexcept = default;
Transaction::~Transaction() = default;

Result<std::int64_t> Transaction::execute(std::string_view sql, const Parameters& parameters) {
    return impl_->session->execute(sql, parameters);
}

Result<std::vector<Row>> Transaction::query(std::string_view sql, const Parameters& parameters) {
    return impl_->session->query(sql, parameters);
}

Result<std::optional<Row>> Transaction::query_one(std::string_view sql,
                                                  const Parameters& parameters) {
    TRY(auto rows, query(sql, parameters));
    if (rows.empty()) return std::optional<Row>{};
    return std::optional<Row>(std::move(rows.front()));
}

Status Transaction::commit() {
    auto done = impl_->session->commit();
    // Even when it failed: a connection that broke may have committed before.
    if (impl_->ends_access) impl_->access_changes->fetch_add(1);
    return done;
}

void Transaction::end_access() { impl_->ends_access = true; }

bool Transaction::serialization_failed() const { return impl_->session->serialization_failed(); }

struct Database::Impl {
    std::unique_ptr<SessionPool> pool;
    int version = 0;
    std::atomic<std::int64_t> access_changes{0};

    Result<std::unique_ptr<Transaction::Impl>> begin(bool write) {
        TRY(auto session, pool->acquire(write));
        if (const auto begun = session->begin(write); !begun) {
            pool->release(std::move(session), write);
            return begun.error();
        }
        return std::make_unique<Transaction::Impl>(*pool, std::move(session), write,
                                                   access_changes);
    }
};

Database::Database(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Database::~Database() = default;

Result<std::unique_ptr<Database>> Database::open(DatabaseOptions options,
                                                 std::span<const Migration> migrations) {
    TRY(auto dialect, make_dialect(options));
    auto impl = std::make_unique<Impl>();
    impl->pool = std::make_unique<SessionPool>(std::move(dialect), options.busy_timeout);
    TRY(impl->pool->fill(1));
    TRY(auto session, impl->pool->acquire(true));
    const auto version = migrate(*session, impl->pool->dialect(), migrations);
    impl->pool->release(std::move(session), true);
    if (!version) return context("database schema", version.error());
    impl->version = *version;
    TRY(impl->pool->fill(options.sessions));
    return std::unique_ptr<Database>(new Database(std::move(impl)));
}

Result<Transaction> Database::begin_write() {
    TRY(auto begun, impl_->begin(true));
    return Transaction(std::move(begun));
}

Result<Transaction> Database::begin_read() {
    TRY(auto begun, impl_->begin(false));
    return Transaction(std::move(begun));
}

std::int64_t Database::access_changes() const { return impl_->access_changes.load(); }

int Database::schema_version() const { return impl_->version; }

bool Database::is_sqlite() const { return impl_->pool->dialect().is_sqlite(); }

}  // namespace strandline::store
