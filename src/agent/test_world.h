#pragma once

#include <filesystem>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/disk/state_folder.h"
#include "agent/fake_hub.h"

// For tests only: one agent, one fake hub, one runtime.
namespace strandline::agent {

/// A folder that goes away with the test.
class TempFolder {
public:
    TempFolder() {
        std::string pattern =
            (std::filesystem::temp_directory_path() / "agent_test.XXXXXX").string();
        path_ = ::mkdtemp(pattern.data());
    }
    ~TempFolder() {
        std::error_code error;
        std::filesystem::remove_all(path_, error);
    }
    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

inline net::Runtime::Options test_runtime_options() {
    net::Runtime::Options options;
    options.worker_threads = 3;
    return options;
}

class World : public ::testing::Test {
public:
    ~World() override {
        hub.fault = nullptr;  // it may refer to what the test has left by now
        stop();
    }

protected:
    World() : runtime(test_runtime_options()), hub(runtime, folder.path() / "hub") {
        options.state_folder = folder.path() / "agent";
        options.run_models = false;
        options.config.hub.poll_interval = std::chrono::seconds{1};
        options.config.transfer.retry_base = std::chrono::milliseconds{5};
        options.config.transfer.retry_cap = std::chrono::milliseconds{20};
        options.config.serve.port = 0;
        EXPECT_TRUE(hub.write_identity(options.state_folder, "d-1"));
    }

    void start() {
        auto created = Agent::create(runtime, options);
        ASSERT_TRUE(created) << created.error().message;
        agent = std::move(*created);
        ASSERT_TRUE(runtime.block_on(start_it(*agent)));
    }

    void stop() {
        if (!agent) return;
        const auto stopped = runtime.block_on(stop_it(*agent));
        EXPECT_TRUE(stopped && *stopped) << "the agent did not end in time";
        agent.reset();
    }

    /// Runs everything until the condition holds; false after the deadline.
    bool until(std::function<bool()> condition,
               std::chrono::seconds limit = std::chrono::seconds{30}) {
        const auto done = runtime.block_on(wait_for(std::move(condition), Deadline::after(limit)));
        return done && *done;
    }

    /// The slot as the agent reports it now.
    trust::ReportedSlot slot(const std::string& name = "leaf") {
        for (const auto& found : agent->report().slots) {
            if (found.slot == name) return found;
        }
        return {};
    }
    bool until_active(const std::string& version, const std::string& name = "leaf") {
        return until([this, version, name] {
            const auto now = slot(name);
            return now.state == "idle" && now.active && now.active->version == version &&
                   !now.error;
        });
    }
    bool until_refused(const std::string& reason, const std::string& name = "leaf") {
        const bool refused = until([this, name] { return slot(name).refused.has_value(); });
        EXPECT_TRUE(slot(name).error) << "state " << slot(name).state;
        if (slot(name).error) {
            EXPECT_EQ(slot(name).error->reason, reason) << slot(name).error->message;
        }
        return refused;
    }

    /// A manifest of kind onnx with one file.
    trust::Manifest manifest(const std::string& version, const std::string& bytes) {
        trust::Manifest out;
        out.package = "leaf";
        out.version = version;
        out.entry = "model.onnx";
        trust::ManifestFile file;
        file.path = "model.onnx";
        file.size = bytes.size();
        file.sha256 = hub.add_blob(bytes);
        out.files = {file};
        return out;
    }
    trust::DesiredSlot order_for(const trust::Manifest& wanted, const std::string& deployment,
                                 const std::string& name = "leaf") {
        trust::DesiredSlot order;
        order.slot = name;
        order.package = wanted.package;
        order.version = wanted.version;
        order.variant = wanted.variant;
        order.manifest = hub.add_manifest(wanted);
        order.deployment = deployment;
        order.soak.duration = std::chrono::milliseconds{0};
        return order;
    }
    /// Orders a release with one file and gives its bytes.
    trust::Manifest deploy(const std::string& version, const std::string& bytes,
                           const std::string& deployment) {
        auto wanted = manifest(version, bytes);
        hub.order({order_for(wanted, deployment)});
        return wanted;
    }

    TempFolder folder;
    net::Runtime runtime;
    FakeHub hub;
    AgentOptions options;
    std::unique_ptr<Agent> agent;

private:
    static net::Task<bool> start_it(Agent& agent) {
        co_await agent.start();
        co_return true;
    }
    static net::Task<bool> stop_it(Agent& agent) {
        const auto deadline = Deadline::after(std::chrono::seconds{20});
        co_return co_await agent.stop(deadline);
    }
    static net::Task<bool> wait_for(std::function<bool()> condition, Deadline deadline) {
        constexpr std::chrono::milliseconds look{5};
        while (!condition()) {
            if (deadline.passed()) co_return false;
            co_await net::sleep_for(look);
        }
        co_return true;
    }
};

}  // namespace strandline::agent
