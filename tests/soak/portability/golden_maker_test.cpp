// Makes deltas of the pairs that every reader must read, to be compared with those of another
// processor.
#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>

#include "delta/files.h"

namespace strandline::delta {
namespace {

namespace fs = std::filesystem;

TEST(Portability, DeltasAreMade) {
    const fs::path golden = std::getenv("STRANDLINE_GOLDEN");
    const fs::path made = std::getenv("STRANDLINE_MADE");
    for (const auto& entry : fs::directory_iterator(golden)) {
        if (entry.path().extension() != ".old") continue;
        const auto stem = entry.path().stem();
        auto new_file = entry.path();
        new_file.replace_extension(".new");
        const auto normal =
            make_delta_file(entry.path(), new_file, made / (stem.string() + ".normal"));
        ASSERT_TRUE(normal) << stem << ": " << normal.error().message;
        const auto small = make_delta_file(entry.path(), new_file,
                                           made / (stem.string() + ".small"), small_profile());
        ASSERT_TRUE(small) << stem << ": " << small.error().message;
    }
}

}  // namespace
}  // namespace strandline::delta
