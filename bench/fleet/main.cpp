#include <csignal>
#include <cstdio>
#include <ctime>
#include <fmt/core.h>
#include <memory>
#include <sys/resource.h>
#include <vector>

#include "agent/command_line.h"
#include "board.h"
#include "options.h"
#include "shard.h"

namespace strandline::fleet_load {
namespace {

int exit_code(const Error& error) {
    fmt::print(stderr, "strandline-fleet: {}\n", error.message);
    return info(error.code).exit_code;
}

/// A broker connection takes five (the socket, both ends of the local one, and the library's own
/// pair), an agent two kept HTTPS connections, the lock file and one at work.
Status raise_file_limit(const Options& options) {
    constexpr rlim_t own = 100;
    const rlim_t each = options.mqtt_only ? 5 : 9;
    const rlim_t wanted = own + each * options.count;
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= wanted) return {};
    limit.rlim_cur = wanted;
    limit.rlim_max = std::max(limit.rlim_max, wanted);
    if (::setrlimit(RLIMIT_NOFILE, &limit) == 0) return {};
    return fail(Errc::exhausted, fmt::format("{} agents need {} open files; raise the limit with "
                                             "`ulimit -n {}` or start as root",
                                             options.count, wanted, wanted));
}

/// Blocked in every thread, so that the main thread can wait for them.
sigset_t block_stop_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    return signals;
}

Status run(Options options) {
    if (!options.token.empty()) {
        TRY(options.token, agent::read_token(options.token));
    }
    TRY(raise_file_limit(options));
    TRY(const auto config, agent::load_agent_config(options.config));
    const auto signals = block_stop_signals();
    Board board(options.count, system_clock());
    std::vector<std::unique_ptr<Shard>> shards;
    for (std::size_t i = 0; i < options.threads; ++i)
        shards.push_back(std::make_unique<Shard>(options, config, board));
    for (std::size_t i = 0; i < options.count; ++i)
        shards[i % shards.size()]->add(fmt::format("{}-{:05}", options.prefix, i + 1));
    for (auto& shard : shards) shard->start((options.parallel + shards.size() - 1) / shards.size());
    constexpr timespec second{1, 0};
    while (::sigtimedwait(&signals, nullptr, &second) < 0) board.print_progress();
    board.close();
    for (auto& shard : shards) shard->stop();
    board.print_summary();
    return {};
}

int fleet_main(int argc, char** argv) {
    int code = 0;
    auto options = parse_options(argc, argv, code);
    if (!options) return code;
    configure_log(options->log, LogFormat::text, "strandline-fleet");
    const auto done = run(std::move(*options));
    return done ? 0 : exit_code(done.error());
}

}  // namespace
}  // namespace strandline::fleet_load

int main(int argc, char** argv) { return strandline::fleet_load::fleet_main(argc, argv); }
