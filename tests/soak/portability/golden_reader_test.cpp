// Reads the deltas that every reader must read.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>

#include "base/log.h"
#include "delta/files.h"
#include "delta/in_place.h"

// In place of base's log, which brings a library of its own.
namespace strandline {
bool log_enabled(LogLevel /*level*/) { return true; }
void write_log(LogLevel /*level*/, std::string_view message) {
    std::fprintf(stderr, "%.*s\n", static_cast<int>(message.size()), message.data());
}
}  // namespace strandline

namespace strandline::delta {
namespace {

namespace fs = std::filesystem;

Bytes load(const fs::path& path) {
    const auto in = FileReader::open(path);
    if (!in) return {};
    Bytes bytes(static_cast<std::size_t>(in->size()));
    EXPECT_TRUE(in->read_at(0, bytes));
    return bytes;
}

TEST(Portability, GoldenDeltasGiveTheSameFilesHere) {
    const fs::path folder = std::getenv("STRANDLINE_GOLDEN");
    int read = 0;
    for (const auto& entry : fs::directory_iterator(folder)) {
        if (entry.path().extension() != ".sld") continue;
        auto old_path = entry.path();
        auto new_path = entry.path();
        const Bytes old_file = load(old_path.replace_extension(".old"));
        const MemoryReader old_reader(old_file);
        MemoryWriter output;
        Applier applier(old_reader, output);
        const auto pushed = applier.push(load(entry.path()));
        ASSERT_TRUE(pushed) << entry.path() << ": " << pushed.error().message;
        const auto finished = applier.finish();
        ASSERT_TRUE(finished) << entry.path() << ": " << finished.error().message;
        EXPECT_EQ(output.bytes(), load(new_path.replace_extension(".new"))) << entry.path();
        ++read;
    }
    EXPECT_GE(read, 6);
    std::printf("golden deltas read: %d, bytes of a pointer: %d, big endian: %d\n", read,
                static_cast<int>(sizeof(void*)),
                static_cast<int>(std::endian::native == std::endian::big));
}

}  // namespace
}  // namespace strandline::delta
