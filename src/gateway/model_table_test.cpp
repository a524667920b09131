#include "gateway/model_table.h"

#include <gtest/gtest.h>
#include <thread>

#include "infer/test_models.h"

namespace strandline::gateway {
namespace {

using infer::DataType;

/// Counts how many of it are alive.
class CountedModel final : public infer::Model {
public:
    explicit CountedModel(std::shared_ptr<std::atomic<int>> alive) : alive_(std::move(alive)) {
        ++*alive_;
    }
    ~CountedModel() override { --*alive_; }
    CountedModel(const CountedModel&) = delete;
    CountedModel& operator=(const CountedModel&) = delete;
    const std::vector<infer::TensorInfo>& inputs() const override { return info_; }
    const std::vector<infer::TensorInfo>& outputs() const override { return info_; }
    Result<std::vector<infer::Tensor>> run(std::span<const infer::Tensor>,
                                           std::span<const std::string>) override {
        return std::vector<infer::Tensor>{};
    }

private:
    std::shared_ptr<std::atomic<int>> alive_;
    std::vector<infer::TensorInfo> info_;
};

ServedModel served(std::string name, std::string version,
                   std::shared_ptr<infer::Model> model = nullptr) {
    ServedModel out;
    out.name = std::move(name);
    out.version = std::move(version);
    out.model = std::move(model);
    return out;
}

TEST(ModelTable, FindsByNameAndVersion) {
    ModelTable table;
    EXPECT_EQ(table.publish(served("m", "1")), nullptr);
    EXPECT_TRUE(table.find("m"));
    EXPECT_TRUE(table.find("m", "1"));
    const auto other = table.find("m", "2");
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, Errc::not_found);
    const auto unknown = table.find("x");
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().message, "Request for unknown model: 'x' is not found");
}

TEST(ModelTable, KeepsTheReasonOfAWithdrawnModelUntilItIsBack) {
    ModelTable table;
    EXPECT_EQ(table.publish(served("m", "1")), nullptr);
    EXPECT_NE(table.withdraw("m", "the self-test failed"), nullptr);
    const auto gone = table.find("m");
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().code, Errc::unavailable);
    EXPECT_NE(gone.error().message.find("the self-test failed"), std::string::npos);
    EXPECT_EQ(table.unavailable().size(), 1U);
    EXPECT_EQ(table.publish(served("m", "2")), nullptr);
    EXPECT_TRUE(table.unavailable().empty());
    EXPECT_NE(table.withdraw("m", ""), nullptr);
    EXPECT_EQ(table.find("m").error().code, Errc::not_found);
    EXPECT_TRUE(table.list().empty());
}

TEST(ModelTable, FreesAReplacedModelWithItsLastRequest) {
    const auto alive = std::make_shared<std::atomic<int>>(0);
    ModelTable table;
    table.publish(served("m", "1", std::make_shared<CountedModel>(alive)));
    auto in_flight = table.find("m");
    ASSERT_TRUE(in_flight);
    table.publish(served("m", "2", std::make_shared<CountedModel>(alive)));
    EXPECT_EQ(*alive, 2);
    in_flight->reset();
    EXPECT_EQ(*alive, 1);
    EXPECT_EQ((*table.find("m"))->version, "2");
}

/// Runs through the table until `stop`; returns runs that were not right.
struct Reader {
    std::atomic<std::uint64_t> runs{0};
    std::atomic<std::uint64_t> failures{0};

    void work(const ModelTable& table, const std::atomic<bool>& stop, std::uint64_t limit) {
        const std::vector inputs{
            infer::test_tensor<float>("x", DataType::fp32, {1, 4}, {1, 2, 3, 4})};
        while (!stop && runs < limit) {
            const auto model = table.find("tiny");
            const auto outputs = model ? (*model)->model->run(inputs, {}) : model.error();
            const bool right =
                outputs && std::abs((*outputs)[0].as<float>()[2] - 0.692677F) < 1e-5F;
            if (!right) ++failures;
            ++runs;
        }
    }
};

TEST(ModelTable, SwapsUnderLoadWithoutAFailedRun) {
    const auto engine = infer::test_engine();
    if (!engine) GTEST_SKIP() << "ONNX Runtime is not installed: ./run setup";
    constexpr std::uint64_t run_limit = 150'000;  // per thread
    constexpr std::chrono::seconds time_limit{2};
    ModelTable table;
    const auto load = [&](const std::string& version) {
        auto model = engine->load(infer::test_model("tiny_softmax.onnx"));
        ASSERT_TRUE(model) << model.error().message;
        table.publish(served("tiny", version, std::move(*model)));
    };
    load("0");
    std::atomic<bool> stop{false};
    std::array<Reader, 2> readers;
    std::vector<std::thread> threads;
    threads.reserve(readers.size());
    for (auto& reader : readers) threads.emplace_back([&] { reader.work(table, stop, run_limit); });
    int swaps = 0;
    const auto end = std::chrono::steady_clock::now() + time_limit;
    while (std::chrono::steady_clock::now() < end && readers[0].runs < run_limit) {
        load(std::to_string(++swaps));
    }
    stop = true;
    for (auto& thread : threads) thread.join();
    const auto runs = readers[0].runs + readers[1].runs;
    EXPECT_EQ(readers[0].failures + readers[1].failures, 0U);
    EXPECT_GT(swaps, 0);
    EXPECT_GT(runs, 0U);
    RecordProperty("runs", std::to_string(runs));
    RecordProperty("swaps", swaps);
    std::printf("%llu runs, %d swaps\n", static_cast<unsigned long long>(runs), swaps);
}

TEST(ModelStatistics, CountsAndEstimatesTheSlowest) {
    ModelStatistics statistics;
    EXPECT_EQ(statistics.snapshot().p99_run.count(), 0);
    for (int i = 0; i < 99; ++i)
        statistics.record(true, std::chrono::microseconds{1}, std::chrono::microseconds{100});
    statistics.record(false, std::chrono::microseconds{1}, std::chrono::milliseconds{100}, 77);
    const auto now = statistics.snapshot();
    EXPECT_EQ(now.successes, 99U);
    EXPECT_EQ(now.failures, 1U);
    EXPECT_EQ(now.queued, std::chrono::microseconds{100});
    EXPECT_EQ(now.last_unix_ms, 77);
    EXPECT_GE(now.p99_run, std::chrono::microseconds{64});
    EXPECT_LE(now.p99_run, std::chrono::microseconds{128});
    // Quick refusals do not make slow answers look quick.
    for (int i = 0; i < 10'000; ++i) statistics.record(false, {}, {});
    for (int i = 0; i < 10; ++i) statistics.record(true, {}, std::chrono::milliseconds{100});
    EXPECT_GE(statistics.snapshot().p99_run, std::chrono::milliseconds{65});
}

}  // namespace
}  // namespace strandline::gateway
