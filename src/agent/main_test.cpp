#include <gtest/gtest.h>
#include <string_view>
#include <vector>

#include "agent/command_line.h"

// The self-test starts its own program anew with the word `selftest`; here that is this one.
int main(int argc, char** argv) {
    if (argc > 1 && std::string_view(argv[1]) == "selftest") {
        return strandline::agent::agent_main(std::vector<std::string>(argv + 1, argv + argc));
    }
    ::testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
