#include "agent/agent_metrics.h"

#include <chrono>

#include "base/metrics.h"

namespace strandline::agent {
namespace {

double seconds(std::chrono::nanoseconds span) {
    return std::chrono::duration<double>(span).count();
}

void add_device(Metrics& out, const AgentFacts& facts) {
    const auto& report = facts.report;
    const auto& machine = report.resources;
    out.gauge("strandline_agent_info", "The agent, its device and what runs its models.",
              {{"device", report.device},
               {"version", report.agent_version},
               {"arch", machine.arch},
               {"engine", machine.engine}})
        .set(1);
    out.gauge("strandline_agent_broker_connected", "1 while the broker can be reached.")
        .set(facts.broker_connected ? 1 : 0);
    out.gauge("strandline_agent_desired_generation",
              "Generation of the desired state that is acted upon.")
        .set(static_cast<double>(report.generation));
    const auto bytes = [&out](std::string_view name, std::string_view help, std::uint64_t value) {
        out.gauge(name, help).set(static_cast<double>(value));
    };
    bytes("strandline_device_memory_bytes", "Memory of the device.", machine.memory_bytes);
    bytes("strandline_device_memory_available_bytes", "Memory that programs can still have.",
          machine.memory_available_bytes);
    bytes("strandline_device_disk_bytes", "Size of the file system with the agent's state.",
          machine.disk_bytes);
    bytes("strandline_device_disk_free_bytes", "Room left there.", machine.disk_free_bytes);
    constexpr double percent = 100;
    out.gauge("strandline_device_cpu_busy_ratio", "Load of all processors since the last answer.")
        .set(machine.cpu_percent / percent);
    if (machine.temperature_celsius) {
        out.gauge("strandline_device_temperature_celsius", "The hottest thermal zone.")
            .set(*machine.temperature_celsius);
    }
}

void add_last_update(Metrics& out, const trust::ReportedSlot& slot) {
    const auto& last = slot.last_update;
    const Labels labels = {{"slot", slot.slot}};
    const auto bytes = [&](std::string_view name, std::string_view help, std::uint64_t value) {
        out.gauge(name, help, labels).set(static_cast<double>(value));
    };
    bytes("strandline_slot_last_update_received_bytes",
          "What the last update brought over the line.", last.bytes_received);
    bytes("strandline_slot_last_update_full_bytes", "What it would have brought as whole files.",
          last.bytes_full);
    out.gauge("strandline_slot_last_update_duration_seconds", "From its plan to its switch.",
              labels)
        .set(seconds(std::chrono::milliseconds(last.duration_ms)));
}

void add_slot(Metrics& out, const trust::ReportedSlot& slot) {
    const Labels labels = {{"slot", slot.slot}};
    if (slot.active) {
        out.gauge("strandline_slot_release_info", "The active release.",
                  {{"slot", slot.slot},
                   {"package", slot.active->package},
                   {"version", slot.active->version},
                   {"variant", slot.active->variant}})
            .set(1);
    }
    out.gauge("strandline_slot_state_info", "State of the update state machine; idle when done.",
              {{"slot", slot.slot}, {"state", slot.state}})
        .set(1);
    out.gauge("strandline_slot_serving", "1 while the release answers.", labels)
        .set(slot.serving ? 1 : 0);
    out.gauge("strandline_slot_refused", "1 while the desired release is refused here.", labels)
        .set(slot.refused ? 1 : 0);
    out.gauge("strandline_slot_update_progress_ratio", "Part of this update's bytes that is here.",
              labels)
        .set(slot.progress);
    out.gauge("strandline_slot_uptime_seconds", "How long the active release has been in use.",
              labels)
        .set(seconds(std::chrono::milliseconds(slot.uptime_ms)));
    add_last_update(out, slot);
}

void add_model(Metrics& out, const gateway::ServedModel& model) {
    const Labels labels = {{"model", model.name}, {"version", model.version}};
    const auto counted = model.statistics->snapshot();
    out.counter("strandline_inferences_total", "Inferences that were answered.", labels)
        .add(counted.successes);
    out.counter("strandline_inference_failures_total", "Inferences that failed.", labels)
        .add(counted.failures);
    out.counter("strandline_inference_run_seconds_total",
                "Time that inferences took in the engine.", labels)
        .add(counted.run);
    out.counter("strandline_inference_queue_seconds_total",
                "Time that inferences waited for the engine.", labels)
        .add(counted.queued);
    out.gauge("strandline_inference_run_p99_seconds", "99 of 100 inferences took less.", labels)
        .set(seconds(counted.p99_run));
}

}  // namespace

std::string metrics_text(const AgentFacts& facts) {
    Metrics out;
    add_device(out, facts);
    for (const auto& slot : facts.report.slots) add_slot(out, slot);
    for (const auto& model : facts.models) add_model(out, *model);
    return out.text();
}

}  // namespace strandline::agent
