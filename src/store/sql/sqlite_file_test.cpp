#include "store/sql/sqlite_file.h"

#include <filesystem>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/file.h"
#include "store/sql/database.h"

namespace strandline::store {
namespace {

namespace fs = std::filesystem;

constexpr Migration first{1, "first", "CREATE TABLE a (n BIGINT PRIMARY KEY);"};
constexpr Migration second{2, "second",
                           "CREATE TABLE b (n BIGINT NOT NULL REFERENCES a (n));\n"
                           "CREATE INDEX b_by_n ON b (n);"};

class SqliteFile : public testing::Test {
protected:
    SqliteFile() {
        std::string name = (fs::temp_directory_path() / "strandline-sqlite-XXXXXX").string();
        folder_ = ::mkdtemp(name.data());
        file_ = folder_ / "it's.db";
    }
    ~SqliteFile() override { fs::remove_all(folder_); }

    [[nodiscard]] std::unique_ptr<Database> open(std::vector<Migration> migrations) const {
        DatabaseOptions options;
        options.url = "sqlite:" + file_.string();
        auto opened = Database::open(options, migrations);
        EXPECT_TRUE(opened) << opened.error().message;
        return std::move(*opened);
    }

    static void insert(Database& database, std::string_view sql) {
        const auto done = database.write<std::int64_t>(
            [&](Transaction& transaction) { return transaction.execute(sql); });
        EXPECT_TRUE(done) << done.error().message;
    }

    fs::path folder_;
    fs::path file_;
};

TEST_F(SqliteFile, TellsTheSchemaWithoutChangingIt) {
    EXPECT_EQ(*sqlite_schema_version(file_), 0);
    EXPECT_FALSE(fs::exists(file_));
    open({first}).reset();
    EXPECT_EQ(*sqlite_schema_version(file_), 1);
    open({first, second}).reset();
    EXPECT_EQ(*sqlite_schema_version(file_), 2);
}

TEST_F(SqliteFile, CopiesWhatIsCommittedWhileOthersWrite) {
    const auto database = open({first, second});
    insert(*database, "INSERT INTO a (n) VALUES (1)");
    auto open_transaction = database->begin_write();
    ASSERT_TRUE(open_transaction);
    ASSERT_TRUE(open_transaction->execute("INSERT INTO a (n) VALUES (2)"));
    const auto copy = folder_ / "copy 'of' it.db";
    const auto copied = copy_sqlite(file_, copy);
    ASSERT_TRUE(copied) << copied.error().message;
    ASSERT_TRUE(open_transaction->commit());

    struct stat facts {};
    ASSERT_EQ(::stat(copy.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0600U);
    EXPECT_TRUE(check_sqlite(copy));
    file_ = copy;
    const auto rows = open({first, second})->read<std::vector<Row>>([](Transaction& transaction) {
        return transaction.query("SELECT n FROM a");
    });
    ASSERT_TRUE(rows);
    EXPECT_EQ(rows->size(), 1U);
    EXPECT_EQ(copy_sqlite(file_, copy).error().code, Errc::conflict);
}

TEST_F(SqliteFile, FindsWhatIsBroken) {
    insert(*open({first, second}), "INSERT INTO a (n) VALUES (1)");
    EXPECT_TRUE(check_sqlite(file_));
    auto bytes = read_file(file_, 1 << 20);
    ASSERT_TRUE(bytes);
    // Past the header and the schema: a page of one of the tables.
    std::fill(bytes->begin() + 4096 * 3, bytes->begin() + 4096 * 4, std::byte{0xff});
    ASSERT_TRUE(write_file_atomically(file_, *bytes));
    const auto checked = check_sqlite(file_);
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code, Errc::corrupt);
    EXPECT_NE(checked.error().message.find("it's.db"), std::string::npos);
    EXPECT_EQ(check_sqlite(folder_ / "gone.db").error().code, Errc::not_found);
}

TEST_F(SqliteFile, KnowsTheFileOfAUrl) {
    EXPECT_EQ(sqlite_file_of("sqlite:/a/b.db"), fs::path("/a/b.db"));
    EXPECT_FALSE(sqlite_file_of("sqlite::memory:"));
    EXPECT_FALSE(sqlite_file_of("postgresql://h/d"));
}

}  // namespace
}  // namespace strandline::store
