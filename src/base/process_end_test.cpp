#include "base/process_end.h"

#include <csignal>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace strandline {
namespace {

bool reported(const UniqueFd& fd, int timeout_ms) {
    pollfd entry{fd.get(), POLLIN, 0};
    return ::poll(&entry, 1, timeout_ms) == 1;
}

void check(Result<UniqueFd> (*watch)(pid_t)) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::pause();
        ::_exit(0);
    }
    ASSERT_GT(child, 0);
    const auto end = watch(child);
    ASSERT_TRUE(end) << end.error().message;
    EXPECT_FALSE(reported(*end, 0));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    EXPECT_TRUE(reported(*end, 20'000));
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child) << "still there to be reaped";
    EXPECT_TRUE(WIFSIGNALED(status));
}

TEST(ProcessEnd, IsReported) { check(detail::watch_process_end); }
TEST(ProcessEnd, IsReportedByAThreadWhereTheKernelHasNoPidfd) {
    check(detail::watch_process_end_by_thread);
}

}  // namespace
}  // namespace strandline
