#include "agent/agent_metrics.h"

#include <gtest/gtest.h>

namespace strandline::agent {
namespace {

AgentFacts some_facts() {
    AgentFacts facts;
    facts.report.device = "cam-1";
    facts.report.agent_version = "1.2.3";
    facts.report.generation = 7;
    facts.report.resources.memory_bytes = 4'000'000'000;
    facts.report.resources.cpu_percent = 25;
    auto& slot = facts.report.slots.emplace_back();
    slot.slot = "leaf";
    slot.state = "idle";
    slot.serving = true;
    slot.active.emplace();
    slot.active->version = "2.0.0";
    slot.last_update.bytes_received = 1234;
    slot.last_update.duration_ms = 1500;
    auto model = std::make_shared<gateway::ServedModel>();
    model->name = "leaf";
    model->version = "2.0.0";
    model->statistics->record(true, {}, std::chrono::milliseconds(250));
    facts.models.push_back(std::move(model));
    return facts;
}

TEST(AgentMetrics, TellDeviceSlotsAndModels) {
    const auto text = metrics_text(some_facts());
    for (const auto* line :
         {"strandline_agent_desired_generation 7\n", "strandline_device_memory_bytes 4000000000\n",
          "strandline_device_cpu_busy_ratio 0.25\n", "strandline_agent_broker_connected 0\n",
          "strandline_slot_serving{slot=\"leaf\"} 1\n",
          "strandline_slot_refused{slot=\"leaf\"} 0\n",
          "strandline_slot_last_update_received_bytes{slot=\"leaf\"} 1234\n",
          "strandline_slot_last_update_duration_seconds{slot=\"leaf\"} 1.5\n",
          "strandline_inferences_total{model=\"leaf\",version=\"2.0.0\"} 1\n",
          "strandline_inference_run_seconds_total{model=\"leaf\",version=\"2.0.0\"} 0.25\n"}) {
        EXPECT_NE(text.find(line), std::string::npos) << line << "in\n" << text;
    }
    EXPECT_NE(text.find("strandline_agent_info{device=\"cam-1\",version=\"1.2.3\""),
              std::string::npos);
}

TEST(AgentMetrics, LeaveOutWhatIsNotKnown) {
    auto facts = some_facts();
    facts.report.slots.front().active.reset();
    facts.models.clear();
    const auto text = metrics_text(facts);
    EXPECT_EQ(text.find("temperature"), std::string::npos);
    EXPECT_EQ(text.find("release_info"), std::string::npos);
    EXPECT_EQ(text.find("inferences_total"), std::string::npos);
}

}  // namespace
}  // namespace strandline::agent
