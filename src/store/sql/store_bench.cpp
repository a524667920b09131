#include <benchmark/benchmark.h>
#include <filesystem>

#include "base/ids.h"
#include "store/blob/blob_store.h"
#include "store/sql/database.h"

// Compare with the raw SQLite and SOCI figures of the same disk: `dd oflag=dsync` for the blobs.
namespace strandline::store {
namespace {
namespace fs = std::filesystem;

struct Folder {
    fs::path path = fs::temp_directory_path() / make_id("store-bench");
    Folder() = default;
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() {
        std::error_code error;
        fs::remove_all(path, error);
    }
};

constexpr Migration rows{1, "rows",
                         "CREATE TABLE r (id @AUTO_ID@, name TEXT NOT NULL, n BIGINT NOT NULL);"};

std::unique_ptr<Database> open(const Folder& folder) {
    return *Database::open(
        {"sqlite:" + (folder.path / "bench.db").string(), 4, std::chrono::seconds(10)},
        std::span(&rows, 1));
}

void put_blob(benchmark::State& state) {
    const Folder folder;
    const auto store = *BlobStore::open(folder.path);
    Bytes bytes(static_cast<std::size_t>(state.range(0)));
    std::uint64_t n = 0;
    for (auto _ : state) {
        store_le(++n, std::span(bytes).first(8));
        if (!store->put(bytes)) state.SkipWithError("put");
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(n) * state.range(0));
}
BENCHMARK(put_blob)->Arg(4 << 10)->Arg(1 << 20)->Arg(64 << 20)->UseRealTime();

void write_one_row(benchmark::State& state) {
    const Folder folder;
    const auto database = open(folder);
    for (auto _ : state) {
        const auto done = database->write<std::int64_t>([](Transaction& transaction) {
            return transaction.execute("INSERT INTO r (name, n) VALUES (:1, :2)",
                                       {std::string("x"), std::int64_t{1}});
        });
        if (!done) state.SkipWithError("write");
    }
}
BENCHMARK(write_one_row)->UseRealTime();

void insert_in_one_transaction(benchmark::State& state) {
    const Folder folder;
    const auto database = open(folder);
    auto transaction = *database->begin_write();
    for (auto _ : state) {
        const auto done = transaction.execute("INSERT INTO r (name, n) VALUES (:1, :2)",
                                              {std::string("x"), std::int64_t{1}});
        if (!done) state.SkipWithError("insert");
    }
}
BENCHMARK(insert_in_one_transaction);

void read_one_row(benchmark::State& state) {
    const Folder folder;
    const auto database = open(folder);
    const auto filled =
        database->write<std::int64_t>([](Transaction& transaction) -> Result<std::int64_t> {
            for (std::int64_t i = 0; i < 1000; ++i) {
                TRY(transaction.execute("INSERT INTO r (name, n) VALUES (:1, :2)",
                                        {std::string("x"), i}));
            }
            return 1000;
        });
    if (!filled) state.SkipWithError("fill");
    std::int64_t id = 0;
    for (auto _ : state) {
        id = id % 1000 + 1;
        auto row = database->read<std::optional<Row>>([id](Transaction& transaction) {
            return transaction.query_one("SELECT name, n FROM r WHERE id = :1", {id});
        });
        benchmark::DoNotOptimize(row);
    }
}
BENCHMARK(read_one_row);

}  // namespace
}  // namespace strandline::store
