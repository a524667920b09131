#include "hub/jobs/fallen_boots.h"

#include "base/log.h"

namespace strandline::hub {
namespace {

// A device that fell back reports all the time.
constexpr std::chrono::minutes silence{1};

}  // namespace

FallenBoots::FallenBoots(Metrics& metrics, const Clock& clock)
    : dropped_(&metrics.counter("strandline_reports_fallen_boot_total",
                                "Reports dropped because their device's boot fell back.")),
      clock_(&clock) {}

void FallenBoots::dropped(const std::string& device) {
    dropped_->add();
    {
        const std::lock_guard lock(mutex_);
        const auto now = clock_->steady();
        if (told_ && now - *told_ < silence) return;
        told_ = now;
    }
    log_warn(
        "report dropped: the device's boot fell back, as after its state folder or its clock was "
        "set back; set its clock right and start its agent again device={} dropped_so_far={}",
        device, static_cast<std::int64_t>(dropped_->value()));
}

}  // namespace strandline::hub
