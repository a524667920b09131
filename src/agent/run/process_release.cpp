#include "agent/run/process_release.h"

#include <utility>

#include "base/log.h"

namespace strandline::agent {
namespace {

constexpr std::chrono::seconds stop_grace{5};

}  // namespace

ChildOptions process_options(const std::string& slot, const Release& release,
                             const std::filesystem::path& port_file,
                             const AgentConfig::Process& limits) {
    ChildOptions options;
    options.argv.push_back(release.entry().string());
    options.argv.insert(options.argv.end(), release.manifest.arguments.begin(),
                        release.manifest.arguments.end());
    options.environment = {{"STRANDLINE_SLOT", slot},
                           {"STRANDLINE_BUNDLE", release.folder.string()},
                           {"STRANDLINE_PORT_FILE", port_file.string()}};
    options.working_folder = release.folder;
    options.standard_output = ChildOutput::lines;
    options.standard_error = ChildOutput::lines;
    options.on_line = [slot](std::string_view line) {
        log_info("process slot={} line=\"{}\"", slot, line);
    };
    if (limits.memory_bytes > 0) options.limits.address_space_bytes = limits.memory_bytes;
    options.limits.open_files = limits.open_files;
    return options;
}

ProcessRelease::ProcessRelease(net::Runtime& runtime, std::string slot, Release release,
                               AgentConfig::Process limits)
    : runtime_(&runtime),
      slot_(std::move(slot)),
      release_(std::move(release)),
      limits_(limits),
      port_file_(release_.folder.parent_path() / ("port." + slot_)) {}

net::Task<void> ProcessRelease::start() {
    auto options = process_options(slot_, release_, port_file_, limits_);
    std::function<Result<std::shared_ptr<ProcessSupervisor>>()> work =
        [options = std::move(options)]() -> Result<std::shared_ptr<ProcessSupervisor>> {
        TRY(auto supervisor, ProcessSupervisor::start(options, RestartPolicy{}));
        return std::shared_ptr<ProcessSupervisor>(std::move(supervisor));
    };
    auto supervisor = co_await runtime_->offload(std::move(work));
    if (!supervisor)
        co_return context("start " + release_.manifest.entry, std::move(supervisor).error());
    supervisor_ = std::move(*supervisor);
    co_return Status{};
}

void ProcessRelease::publish() { restarts_at_publish_ = supervisor_ ? supervisor_->restarts() : 0; }

RunStatistics ProcessRelease::statistics() const {
    RunStatistics out;
    if (supervisor_) out.restarts = supervisor_->restarts() - restarts_at_publish_;
    return out;
}

net::Task<std::optional<std::string>> ProcessRelease::probe() {
    co_return std::optional<std::string>{};
}

boost::asio::awaitable<void> ProcessRelease::stop() {
    if (!supervisor_) co_return;
    auto supervisor = std::exchange(supervisor_, nullptr);
    std::function<Status()> work = [supervisor]() -> Status {
        supervisor->stop(stop_grace);
        return {};
    };
    ignore(co_await runtime_->offload(std::move(work)), "a full pool stops it by the destructor");
}

}  // namespace strandline::agent
