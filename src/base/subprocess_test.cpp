#include "base/subprocess.h"

#include <array>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <gtest/gtest.h>
#include <mutex>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/ids.h"

namespace strandline {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds patience{60};

ChildOptions shell(std::string script) {
    ChildOptions options;
    options.argv = {"/bin/sh", "-c", std::move(script)};
    return options;
}

TEST(Subprocess, ReportsExitCodeAndBothStreams) {
    const auto result = run_child(shell("echo out; echo err >&2; exit 3"));
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->exit_code, 3);
    EXPECT_FALSE(result->signal);
    EXPECT_FALSE(result->success());
    EXPECT_EQ(result->output, "out\n");
    EXPECT_EQ(result->error, "err\n");
    EXPECT_GT(result->max_rss_bytes, 0U);
    EXPECT_EQ(result->describe(), "exited with code 3");
}

TEST(Subprocess, ReportsTheSignalThatKilledTheChild) {
    const auto result = run_child(shell("kill -SEGV $$"));
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->signal, SIGSEGV);
    EXPECT_FALSE(result->exit_code);
    EXPECT_FALSE(result->timed_out);
    EXPECT_NE(result->describe().find("signal 11"), std::string::npos);
}

TEST(Subprocess, SaysWhyAProgramCannotStart) {
    const auto plain_file = fs::temp_directory_path() / make_id("subprocess");
    ASSERT_TRUE(write_file_atomically(plain_file, as_bytes("text"), 0600));
    struct Case {
        std::vector<std::string> argv;
        std::string folder;
        Errc code;
    };
    const std::vector<Case> cases{
        {{"/nonexistent/program"}, "", Errc::not_found},
        {{"no-such-program-anywhere"}, "", Errc::not_found},
        {{plain_file.string()}, "", Errc::forbidden},
        {{"/bin/sh", "-c", "true"}, "/nonexistent-folder", Errc::not_found},
        {{}, "", Errc::invalid},
    };
    for (const auto& test : cases) {
        ChildOptions options;
        options.argv = test.argv;
        options.working_folder = test.folder;
        const auto process = Subprocess::start(std::move(options));
        ASSERT_FALSE(process);
        EXPECT_EQ(process.error().code, test.code) << process.error().message;
    }
    ASSERT_TRUE(remove_file(plain_file));
}

TEST(Subprocess, EnvironmentIsAddedReplacedOrCleared) {
    ASSERT_EQ(::setenv("STRANDLINE_TEST_VALUE", "ours", 1), 0);
    const std::string script = "echo ${STRANDLINE_TEST_VALUE-none} ${ADDED-none}";
    EXPECT_EQ(run_child(shell(script))->output, "ours none\n");
    auto options = shell(script);
    options.environment = {{"ADDED", "a b"}, {"STRANDLINE_TEST_VALUE", "replaced"}};
    EXPECT_EQ(run_child(options)->output, "replaced a b\n");
    options.environment = {{"ADDED", "x"}};
    options.clear_environment = true;
    EXPECT_EQ(run_child(options)->output, "none x\n");
}

TEST(Subprocess, RunsInTheGivenFolderWithStandardInputAtItsEnd) {
    auto options = shell("pwd; cat; echo end");
    options.working_folder = "/usr";
    EXPECT_EQ(run_child(options)->output, "/usr\nend\n");
}

TEST(Subprocess, KeepsTheEndOfLongOutput) {
    auto options = shell("i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done");
    options.max_captured_bytes = 100;
    const auto result = run_child(options);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->output.size(), 100U);
    EXPECT_TRUE(result->output_cut);
    EXPECT_TRUE(result->output.ends_with("line 1999\n"));
    EXPECT_FALSE(result->error_cut);
}

TEST(Subprocess, HandsOnLinesCutAtTheirLimit) {
    std::vector<std::string> lines;
    auto options = shell(
        "printf 'one\\r\\n\\ntwo\\n'; head -c 20000 /dev/zero | tr '\\0' x; printf '\\nlast'");
    options.standard_output = ChildOutput::lines;
    options.on_line = [&lines](std::string_view line) { lines.emplace_back(line); };
    ASSERT_TRUE(run_child(options));
    ASSERT_EQ(lines.size(), 5U);
    EXPECT_EQ(lines[0], "one");
    EXPECT_EQ(lines[1], "");
    EXPECT_EQ(lines[2], "two");
    EXPECT_EQ(lines[3], std::string(8192, 'x'));
    EXPECT_EQ(lines[4], "last");
}

TEST(Subprocess, TimeLimitEndsAStubbornChildAndItsChildren) {
    auto options = shell("trap '' TERM; sleep 1000 & echo $!; while :; do sleep 1; done");
    options.time_limit = std::chrono::milliseconds{200};
    options.grace = std::chrono::milliseconds{50};
    const auto result = run_child(options);
    ASSERT_TRUE(result);
    EXPECT_TRUE(result->timed_out);
    EXPECT_EQ(result->signal, SIGKILL);
    EXPECT_FALSE(result->success());
    const int grandchild = std::stoi(result->output);
    const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, grandchild, 0)));
    if (!pidfd) return;  // gone and reaped already
    pollfd poll_entry{pidfd.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&poll_entry, 1, 60'000), 1);
}

TEST(Subprocess, TerminateLetsAPoliteChildEndItself) {
    auto options = shell("trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.01; done");
    options.standard_output = ChildOutput::lines;
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<std::string> lines;
    options.on_line = [&](std::string_view line) {
        const std::lock_guard lock(mutex);
        lines.emplace_back(line);
        changed.notify_all();
    };
    const auto process = Subprocess::start(std::move(options));
    ASSERT_TRUE(process);
    {
        std::unique_lock lock(mutex);
        ASSERT_TRUE(changed.wait_for(lock, patience, [&] { return !lines.empty(); }));
    }
    EXPECT_TRUE((*process)->running());
    EXPECT_FALSE((*process)->result());
    (*process)->terminate(patience);
    const auto result = (*process)->wait(Deadline::after(patience));
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->exit_code, 7);
    EXPECT_TRUE(result->terminated);
    EXPECT_FALSE(result->timed_out);
    EXPECT_EQ(lines.back(), "bye");
    EXPECT_EQ((*process)->send_signal(SIGHUP).error().code, Errc::not_found);
}

TEST(Subprocess, WaitGivesUpAtItsDeadlineAndPollFdTellsTheEnd) {
    const auto process = Subprocess::start(shell("read x < /dev/zero"));
    ASSERT_TRUE(process);
    const auto early = (*process)->wait(Deadline::after(std::chrono::milliseconds{1}));
    ASSERT_FALSE(early);
    EXPECT_EQ(early.error().code, Errc::timeout);
    pollfd poll_entry{(*process)->poll_fd(), POLLIN, 0};
    EXPECT_EQ(::poll(&poll_entry, 1, 0), 0);
    ASSERT_TRUE((*process)->send_signal(SIGKILL));
    EXPECT_EQ(::poll(&poll_entry, 1, 60'000), 1);
    ASSERT_TRUE((*process)->result());
    EXPECT_EQ((*process)->result()->signal, SIGKILL);
    EXPECT_FALSE((*process)->running());
}

TEST(Subprocess, DestructionKillsTheChild) {
    int pid = 0;
    {
        const auto process = Subprocess::start(shell("while :; do sleep 1; done"));
        ASSERT_TRUE(process);
        pid = (*process)->pid();
        EXPECT_EQ(::kill(pid, 0), 0);
    }
    EXPECT_NE(::kill(pid, 0), 0);
}

TEST(Subprocess, LimitsApplyToTheChild) {
    auto options = shell("ulimit -c; ulimit -n; ulimit -t; ulimit -f");
    options.limits.open_files = 64;
    options.limits.cpu = std::chrono::seconds{5};
    options.limits.file_size_bytes = 1024 * 512;
    const auto result = run_child(options);
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->output, "0\n64\n5\n1024\n") << "sh counts file size in blocks of 512";
}

TEST(Subprocess, CpuLimitEndsABusyChildWithItsOwnSignal) {
    auto options = shell("while :; do :; done");
    options.limits.cpu = std::chrono::seconds{1};
    options.time_limit = patience;
    const auto result = run_child(options);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->signal, SIGXCPU);
    EXPECT_GE(result->cpu_time, std::chrono::milliseconds{900});
}

TEST(Subprocess, AddressSpaceLimitEndsAGreedyChild) {
    if (!can_limit_address_space())
        GTEST_SKIP() << "this build's sanitizer needs the address space";
    auto options = shell("x=$(head -c 300000000 /dev/zero | tr '\\0' x); echo ${#x}");
    options.limits.address_space_bytes = std::uint64_t{64} << 20;
    const auto result = run_child(options);
    ASSERT_TRUE(result);
    EXPECT_FALSE(result->success());
}

TEST(Subprocess, AChildDiesWithAKilledParent) {
    // This process plays the grandparent: the child starts a grandchild through Subprocess and is
    // then killed, so that no destructor runs.
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    const pid_t parent = ::fork();
    ASSERT_GE(parent, 0);
    if (parent == 0) {
        auto options = shell("echo up; exec sleep 1000");
        options.standard_output = ChildOutput::inherit;
        ::dup2(ends[1], 1);
        ::close(ends[0]);
        ::close(ends[1]);
        const auto process = Subprocess::start(std::move(options));
        ::pause();
        ::_exit(process ? 0 : 1);
    }
    ::close(ends[1]);
    std::array<char, 16> text{};
    ASSERT_EQ(::read(ends[0], text.data(), 3), 3);
    ASSERT_EQ(::kill(parent, SIGKILL), 0);
    // The pipe ends once every process that holds it is gone.
    pollfd poll_entry{ends[0], POLLIN, 0};
    EXPECT_EQ(::poll(&poll_entry, 1, 60'000), 1);
    EXPECT_EQ(::read(ends[0], text.data(), text.size()), 0);
    ::close(ends[0]);
    ::waitpid(parent, nullptr, 0);
}

TEST(FindProgram, SearchesPathThenTheGivenFolders) {
    ASSERT_TRUE(find_program("sh"));
    EXPECT_EQ(find_program("/some/where")->string(), "/some/where");
    const auto folder = fs::temp_directory_path() / make_id("find");
    ASSERT_TRUE(make_folders(folder));
    ASSERT_TRUE(write_file_atomically(folder / "only-here", as_bytes("#!/bin/sh\n"), 0700));
    const std::vector<fs::path> extra{folder};
    EXPECT_EQ(*find_program("only-here", extra), folder / "only-here");
    EXPECT_EQ(find_program("only-here").error().code, Errc::not_found);
    fs::remove_all(folder);
}

}  // namespace
}  // namespace strandline
