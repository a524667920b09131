#include "hub/jobs/delta_news.h"

#include <gtest/gtest.h>
#include <string>

namespace strandline::hub {
namespace {

registry::DeltaPair pair_of(int number) {
    return {sha256("base"), sha256("target " + std::to_string(number))};
}

TEST(DeltaNews, ForgetsPairsThatNobodyWaitsForAnyMore) {
    net::Runtime runtime({.worker_threads = 1});
    DeltaNews news(runtime);
    const auto kept = news.watch(pair_of(0));
    for (int i = 1; i <= 10'000; ++i) static_cast<void>(news.watch(pair_of(i)));
    EXPECT_LE(news.pairs(), 64U);
    registry::DeltaJob job;
    job.pair = pair_of(0);
    news.finished(job);
    std::function<net::Task<bool>()> wait = [kept]() -> net::Task<bool> {
        const auto told = co_await kept->wait(Deadline::after(std::chrono::seconds(30)));
        co_return told.has_value();
    };
    EXPECT_TRUE(runtime.block_on(wait()).value());
}

TEST(DeltaNews, KeepsAllThatAreWaitedFor) {
    net::Runtime runtime({.worker_threads = 1});
    DeltaNews news(runtime);
    std::vector<std::shared_ptr<DeltaNews::Watch>> waiting;
    for (int i = 0; i < 1000; ++i) waiting.push_back(news.watch(pair_of(i)));
    EXPECT_EQ(news.pairs(), 1000U);
    waiting.clear();
    for (int i = 0; i < 2000; ++i) static_cast<void>(news.watch(pair_of(i)));
    EXPECT_LE(news.pairs(), 64U);
}

}  // namespace
}  // namespace strandline::hub
