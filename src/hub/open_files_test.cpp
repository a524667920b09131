#include "hub/open_files.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace strandline::hub {
namespace {

class OpenFiles : public testing::Test {
protected:
    void SetUp() override { ::getrlimit(RLIMIT_NOFILE, &before); }
    void TearDown() override { ::setrlimit(RLIMIT_NOFILE, &before); }
    static std::size_t soft() {
        rlimit now{};
        ::getrlimit(RLIMIT_NOFILE, &now);
        return now.rlim_cur;
    }
    rlimit before{};
};

TEST_F(OpenFiles, GoUpToTheHardLimit) {
    const rlimit low{512, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
    EXPECT_EQ(raise_open_files(before.rlim_max), before.rlim_max);
    EXPECT_EQ(soft(), before.rlim_max);
}

TEST_F(OpenFiles, AreNeverLowered) {
    const auto now = soft();
    EXPECT_EQ(raise_open_files(10), now);
    EXPECT_EQ(soft(), now);
}

}  // namespace
}  // namespace strandline::hub
