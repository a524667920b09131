#include "agent/run/footprint.h"

#include <gtest/gtest.h>

namespace strandline::agent {
namespace {

TEST(Footprint, TheProgramGoesOnWithoutItsStartupCode) {
    constexpr std::size_t code_of_any_c_library = std::size_t{1} << 20;
    EXPECT_GT(release_startup_code(), code_of_any_c_library);
    EXPECT_GT(release_startup_code(), code_of_any_c_library) << "and once more";
}

}  // namespace
}  // namespace strandline::agent
