#include "store/sql/database.h"

#include <atomic>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <sys/stat.h>
#include <thread>

#include "base/file.h"
#include "store/sql/test_databases.h"

namespace strandline::store {
namespace {

using ::testing::HasSubstr;

constexpr Migration things{1, "things",
                           "-- a comment; with a semicolon;\n"
                           "CREATE TABLE things (\n"
                           "    id @AUTO_ID@,\n"
                           "    name TEXT NOT NULL UNIQUE,\n"
                           "    amount BIGINT,\n"
                           "    weight DOUBLE PRECISION\n"
                           ");\n"
                           "CREATE INDEX things_amount ON things (amount);\n"};
constexpr Migration parts{
    2, "parts",
    "CREATE TABLE parts (thing BIGINT NOT NULL REFERENCES things (id), n BIGINT NOT NULL);"};

class SqlTest : public ::testing::TestWithParam<std::string> {
protected:
    static Result<std::unique_ptr<Database>> open(const std::string& url,
                                                  std::vector<Migration> migrations,
                                                  std::size_t sessions = 4) {
        DatabaseOptions options;
        options.url = url;
        options.sessions = sessions;
        return Database::open(options, migrations);
    }

    void SetUp() override {
        auto opened = open(url_, {things, parts});
        ASSERT_TRUE(opened) << opened.error().message;
        database_ = *std::move(opened);
    }

    Result<std::int64_t> insert(const std::string& name, SqlValue amount, SqlValue weight = {}) {
        return database_->write<std::int64_t>([&](Transaction& transaction) {
            return transaction.execute(
                "INSERT INTO things (name, amount, weight) VALUES (:1, :2, :3)",
                {name, amount, weight});
        });
    }

    std::int64_t count() {
        const auto row = database_->read<std::optional<Row>>([](Transaction& transaction) {
            return transaction.query_one("SELECT count(*) FROM things");
        });
        EXPECT_TRUE(row) << row.error().message;
        return row ? (*row)->integer(0) : -1;
    }

    std::string url_ = test::fresh_url(GetParam());
    std::unique_ptr<Database> database_;
};

INSTANTIATE_TEST_SUITE_P(Every, SqlTest, ::testing::ValuesIn(test::kinds()),
                         [](const auto& kind) { return kind.param; });

TEST_P(SqlTest, KeepsEveryTypeExactly) {
    const std::int64_t big = std::numeric_limits<std::int64_t>::min();
    ASSERT_EQ(*insert("größe 'x' :1", big, 0.1), 1);
    ASSERT_EQ(*insert("second", std::monostate{}, -1.7976931348623157e308), 1);
    ASSERT_EQ(*insert("", std::int64_t{1'795'000'000'123}), 1);
    const auto rows = database_->read<std::vector<Row>>([](Transaction& transaction) {
        return transaction.query("SELECT id, name, amount, weight FROM things ORDER BY id");
    });
    ASSERT_TRUE(rows) << rows.error().message;
    ASSERT_EQ(rows->size(), 3U);
    EXPECT_EQ((*rows)[0].integer(0), 1);
    EXPECT_EQ((*rows)[0].text(1), "größe 'x' :1");
    EXPECT_EQ((*rows)[0].integer(2), big);
    EXPECT_EQ((*rows)[0].real(3), 0.1);
    EXPECT_TRUE((*rows)[1].is_null(2));
    EXPECT_EQ((*rows)[1].real(3), -1.7976931348623157e308);
    EXPECT_EQ((*rows)[2].optional_text(1), "");
    EXPECT_EQ((*rows)[2].optional_integer(2), 1'795'000'000'123);
    EXPECT_EQ((*rows)[1].optional_integer(2), std::nullopt);
}

TEST_P(SqlTest, AParameterMayAppearTwiceAndOutOfOrder) {
    ASSERT_TRUE(insert("a", std::int64_t{7}));
    ASSERT_TRUE(insert("b", std::int64_t{8}));
    const auto row = database_->read<std::optional<Row>>([](Transaction& transaction) {
        return transaction.query_one(
            "SELECT name FROM things WHERE amount < :2 AND name <> :1 AND amount <> :2 + 1",
            {std::string("b"), std::int64_t{8}});
    });
    ASSERT_TRUE(row) << row.error().message;
    ASSERT_TRUE(row->has_value());
    EXPECT_EQ((*row)->text(0), "a");
}

TEST_P(SqlTest, CountsChangedRowsAndReturnsNewIds) {
    ASSERT_TRUE(insert("a", std::int64_t{1}));
    ASSERT_TRUE(insert("b", std::int64_t{1}));
    const auto changed = database_->write<std::int64_t>([](Transaction& transaction) {
        return transaction.execute("UPDATE things SET amount = amount + 1 WHERE amount = :1",
                                   {std::int64_t{1}});
    });
    ASSERT_TRUE(changed) << changed.error().message;
    EXPECT_EQ(*changed, 2);
    const auto row = database_->write<std::optional<Row>>([](Transaction& transaction) {
        return transaction.query_one("INSERT INTO things (name) VALUES (:1) RETURNING id",
                                     {std::string("c")});
    });
    ASSERT_TRUE(row) << row.error().message;
    EXPECT_EQ((*row)->integer(0), 3);
    EXPECT_EQ(count(), 3);
}

TEST_P(SqlTest, NoRowIsNoError) {
    const auto row = database_->read<std::optional<Row>>(
        [](Transaction& transaction) { return transaction.query_one("SELECT name FROM things"); });
    ASSERT_TRUE(row) << row.error().message;
    EXPECT_FALSE(row->has_value());
}

TEST_P(SqlTest, BrokenRulesHaveTheirCodesAndHideValues) {
    ASSERT_TRUE(insert("secret-name", std::int64_t{1}));
    const auto twice = insert("secret-name", std::int64_t{2});
    ASSERT_FALSE(twice);
    EXPECT_EQ(twice.error().code, Errc::conflict) << twice.error().message;
    EXPECT_EQ(twice.error().message.find("secret-name"), std::string::npos)
        << twice.error().message;
    const auto orphan = database_->write<std::int64_t>([](Transaction& transaction) {
        return transaction.execute("INSERT INTO parts (thing, n) VALUES (99, 1)");
    });
    ASSERT_FALSE(orphan);
    EXPECT_EQ(orphan.error().code, Errc::conflict) << orphan.error().message;
    const auto wrong = database_->write<std::int64_t>([](Transaction& transaction) {
        return transaction.execute("INSERT INTO nowhere VALUES (1)");
    });
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().code, Errc::internal) << wrong.error().message;
    EXPECT_THAT(wrong.error().message, HasSubstr("INSERT INTO nowhere"));
}

TEST_P(SqlTest, ExpectedConflictsLeaveTheTransactionAlive) {
    ASSERT_TRUE(insert("a", std::int64_t{1}));
    const auto changed =
        database_->write<std::int64_t>([](Transaction& transaction) -> Result<std::int64_t> {
            TRY(const auto none,
                transaction.execute(
                    "INSERT INTO things (name) VALUES ('a') ON CONFLICT DO NOTHING"));
            TRY(const auto one, transaction.execute("INSERT INTO things (name) VALUES ('b')"));
            return none * 10 + one;
        });
    ASSERT_TRUE(changed) << changed.error().message;
    EXPECT_EQ(*changed, 1);
}

TEST_P(SqlTest, AFailedStatementLosesTheTransaction) {
    ASSERT_TRUE(insert("a", std::int64_t{1}));
    {
        auto transaction = database_->begin_write();
        ASSERT_TRUE(transaction);
        ASSERT_TRUE(transaction->execute("INSERT INTO things (name) VALUES ('b')"));
        ASSERT_FALSE(transaction->execute("INSERT INTO things (name) VALUES ('a')"));
        EXPECT_FALSE(transaction->query("SELECT 1"));
        const auto committed = transaction->commit();
        ASSERT_FALSE(committed);
        EXPECT_EQ(committed.error().code, Errc::conflict);
    }
    EXPECT_EQ(count(), 1);
}

TEST_P(SqlTest, ADroppedTransactionLeavesNothing) {
    {
        auto transaction = database_->begin_write();
        ASSERT_TRUE(transaction);
        ASSERT_TRUE(transaction->execute("INSERT INTO things (name) VALUES ('a')"));
    }
    EXPECT_EQ(count(), 0);
    auto transaction = database_->begin_write();
    ASSERT_TRUE(transaction) << "the session came back";
    ASSERT_TRUE(transaction->commit());
    EXPECT_FALSE(transaction->commit()) << "only once";
}

TEST_P(SqlTest, TellsWhenAccessEndsOnceThatIsCommitted) {
    const auto before = database_->access_changes();
    {
        auto dropped = database_->begin_write();
        dropped->end_access();
    }
    ASSERT_TRUE(database_->begin_write()->commit());
    EXPECT_EQ(database_->access_changes(), before);
    auto transaction = database_->begin_write();
    transaction->end_access();
    EXPECT_EQ(database_->access_changes(), before);
    ASSERT_TRUE(transaction->commit());
    EXPECT_GT(database_->access_changes(), before);
}

TEST_P(SqlTest, AReaderChangesNothing) {
    for (const std::string sql : {"INSERT INTO things (name) VALUES ('a')", "DELETE FROM things"}) {
        auto transaction = database_->begin_read();
        ASSERT_TRUE(transaction);
        EXPECT_FALSE(transaction->execute(sql));
    }
    auto transaction = database_->begin_read();
    ASSERT_TRUE(transaction);
    EXPECT_FALSE(transaction->query("INSERT INTO things (name) VALUES ('a') RETURNING id"));
}

TEST_P(SqlTest, AReaderSeesOneMoment) {
    ASSERT_TRUE(insert("a", std::int64_t{1}));
    auto reader = database_->begin_read();
    ASSERT_TRUE(reader);
    ASSERT_EQ(reader->query("SELECT id FROM things")->size(), 1U);
    ASSERT_TRUE(insert("b", std::int64_t{1}));
    EXPECT_EQ(reader->query("SELECT id FROM things")->size(), 1U);
}

TEST_P(SqlTest, NulCharactersAreRefused) {
    const auto inserted = insert(std::string("a\0b", 3), std::int64_t{1});
    ASSERT_FALSE(inserted);
    EXPECT_EQ(inserted.error().code, Errc::invalid);
}

TEST_P(SqlTest, ConcurrentReadThenWriteLosesNoUpdate) {
    constexpr int threads = 4;
    constexpr int rounds = 25;
    ASSERT_TRUE(insert("counter", std::int64_t{0}));
    std::atomic<int> done = 0;
    // Half of them as if in another process.
    DatabaseOptions options;
    options.url = url_;
    const std::vector<Migration> migrations{things, parts};
    const auto other = Database::open(options, migrations);
    ASSERT_TRUE(other) << other.error().message;
    {
        std::vector<std::jthread> workers;
        workers.reserve(threads);
        for (int i = 0; i < threads; ++i) {
            workers.emplace_back([&, i] {
                auto& database = i % 2 == 0 ? *database_ : **other;
                for (int round = 0; round < rounds; ++round) {
                    const auto changed = database.write<std::int64_t>(
                        [](Transaction& transaction) -> Result<std::int64_t> {
                            TRY(const auto row,
                                transaction.query_one(
                                    "SELECT amount FROM things WHERE name = 'counter'"));
                            return transaction.execute(
                                "UPDATE things SET amount = :1 WHERE name = 'counter'",
                                {row->integer(0) + 1});
                        });
                    if (changed) ++done;
                }
            });
        }
    }
    const auto row = database_->read<std::optional<Row>>([](Transaction& transaction) {
        return transaction.query_one("SELECT amount FROM things");
    });
    ASSERT_TRUE(row);
    EXPECT_EQ((*row)->integer(0), done.load());
    EXPECT_EQ(done.load(), threads * rounds);
}

TEST_P(SqlTest, WaitingForASessionEnds) {
    DatabaseOptions options;
    options.url = url_;
    options.sessions = 1;
    options.busy_timeout = std::chrono::milliseconds{20};
    const std::vector<Migration> migrations{things, parts};
    auto small = Database::open(options, migrations);
    ASSERT_TRUE(small) << small.error().message;
    const auto held = (*small)->begin_read();
    ASSERT_TRUE(held);
    const auto second = (*small)->begin_read();
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::exhausted);
}

TEST_P(SqlTest, MigratesOnceAndInOrder) {
    EXPECT_EQ(database_->schema_version(), 2);
    ASSERT_TRUE(insert("a", std::int64_t{1}));
    database_.reset();
    constexpr Migration more{3, "more", "ALTER TABLE things ADD COLUMN note TEXT;\n"};
    auto opened = open(url_, {things, parts, more});
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_EQ((*opened)->schema_version(), 3);
    database_ = *std::move(opened);
    EXPECT_EQ(count(), 1);
}

TEST_P(SqlTest, RefusesANewerOrForeignSchema) {
    database_.reset();
    const auto older = open(url_, {things});
    ASSERT_FALSE(older);
    EXPECT_EQ(older.error().code, Errc::conflict);
    EXPECT_THAT(older.error().message, HasSubstr("at version 2, this program knows 1"));
    constexpr Migration other{2, "other", "SELECT 1;\n"};
    const auto foreign = open(url_, {things, other});
    ASSERT_FALSE(foreign);
    EXPECT_EQ(foreign.error().code, Errc::conflict);
}

TEST_P(SqlTest, AFailingMigrationLeavesTheOldSchema) {
    database_.reset();
    constexpr Migration broken{
        3, "broken", "CREATE TABLE half (id BIGINT);\nCREATE TABLE things (id BIGINT);\n"};
    const auto failed = open(url_, {things, parts, broken});
    ASSERT_FALSE(failed);
    EXPECT_THAT(failed.error().message, HasSubstr("migration 3 broken"));
    constexpr Migration repaired{3, "repaired", "CREATE TABLE half (id BIGINT);\n"};
    EXPECT_TRUE(open(url_, {things, parts, repaired}));
}

TEST_P(SqlTest, ProgramsStartingTogetherMigrateOnce) {
    const std::string url = test::fresh_url(GetParam());
    std::atomic<int> good = 0;
    {
        constexpr int programs = 3;
        std::vector<std::jthread> starters;
        starters.reserve(programs);
        for (int i = 0; i < programs; ++i) {
            starters.emplace_back([&] {
                const auto opened = open(url, {things, parts}, 1);
                EXPECT_TRUE(opened) << opened.error().message;
                if (opened) ++good;
            });
        }
    }
    EXPECT_EQ(good.load(), 3);
}

TEST_P(SqlTest, TheHubsMigrationsApply) {
    DatabaseOptions options;
    options.url = test::fresh_url(GetParam());
    const auto opened = Database::open(options, hub_migrations());
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_EQ(static_cast<std::size_t>((*opened)->schema_version()), hub_migrations().size());
}

TEST(Database, RefusesUrlsItCannotServe) {
    for (const std::string url : {"", "mysql://x", "sqlite:", "sqlite:a\"b"}) {
        const auto opened = Database::open({url, 1, std::chrono::milliseconds{10}}, {});
        ASSERT_FALSE(opened) << url;
        EXPECT_EQ(opened.error().code, Errc::invalid) << url;
    }
}

TEST(Database, AnAbsentServerIsUnavailable) {
    const auto opened =
        Database::open({"postgresql:///x?host=/nonexistent", 1, std::chrono::milliseconds{10}}, {});
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::unavailable) << opened.error().message;
}

TEST(Database, LostServerConnectionsAreMadeAgain) {
    if (test::postgresql_url().empty()) GTEST_SKIP() << "no PostgreSQL server here";
    const std::string url = test::fresh_url("postgresql");
    auto database = Database::open({url, 2, std::chrono::milliseconds(5000)}, {});
    ASSERT_TRUE(database) << database.error().message;
    const auto other = Database::open({url, 1, std::chrono::milliseconds(5000)}, {});
    ASSERT_TRUE(other) << other.error().message;
    const auto cut_all = [&] {
        auto transaction = (*other)->begin_read();
        return transaction->query(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'");
    };
    {
        auto transaction = (*database)->begin_write();
        ASSERT_TRUE(transaction);
        ASSERT_TRUE(cut_all());
        const auto lost = transaction->execute("CREATE TABLE lost (id BIGINT)");
        ASSERT_FALSE(lost);
        EXPECT_EQ(lost.error().code, Errc::unavailable) << lost.error().message;
    }
    for (int i = 0; i < 3; ++i) {
        const auto row = (*database)->read<std::optional<Row>>(
            [](Transaction& transaction) { return transaction.query_one("SELECT 7"); });
        ASSERT_TRUE(row) << row.error().message;
        EXPECT_EQ((*row)->integer(0), 7);
    }
}

TEST(Database, SqliteFilesArePrivateAndMayHaveOddNames) {
    std::string path = test::fresh_url("sqlite").substr(7) + " a=b c";
    const auto opened = Database::open({"sqlite:" + path, 2, std::chrono::milliseconds{100}}, {});
    ASSERT_TRUE(opened) << opened.error().message;
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
    EXPECT_GT(status.st_size, 0) << "another file was opened";
}

TEST(Database, MemoryDatabasesWork) {
    auto opened = Database::open({"sqlite::memory:", 4, std::chrono::milliseconds{100}},
                                 std::span(&things, 1));
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_TRUE((*opened)->begin_write()->execute("INSERT INTO things (name) VALUES ('a')"));
}

TEST(Database, AFileThatIsNoDatabaseIsCorrupt) {
    const std::string path = test::fresh_url("sqlite").substr(7);
    ASSERT_TRUE(write_file_atomically(path, as_bytes(std::string(8192, 'x'))));
    const auto opened = Database::open({"sqlite:" + path, 1, std::chrono::milliseconds{10}}, {});
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::corrupt) << opened.error().message;
}

}  // namespace
}  // namespace strandline::store
