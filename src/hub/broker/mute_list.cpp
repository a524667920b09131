#include "hub/broker/mute_list.h"

#include <algorithm>

namespace strandline::hub {

using std::chrono::milliseconds;

milliseconds MuteList::add(const std::string& device) {
    const std::lock_guard lock(mutex_);
    const auto now = clock_->steady();
    forget_old(now);
    const auto [found, fresh] = entries_.try_emplace(device);
    auto& entry = found->second;
    if (!fresh && now < entry.until) return milliseconds{0};
    entry.span = fresh ? spans_.first : std::min(entry.span * 2, spans_.longest);
    entry.until = now + entry.span;
    return entry.span;
}

std::vector<std::string> MuteList::names() const {
    const std::lock_guard lock(mutex_);
    const auto now = clock_->steady();
    std::vector<std::string> muted;
    for (const auto& [device, entry] : entries_) {
        if (now < entry.until) muted.push_back(device);
    }
    return muted;
}

void MuteList::forget_old(SteadyTime now) {
    std::erase_if(entries_,
                  [&](const auto& item) { return now - item.second.until >= spans_.memory; });
}

}  // namespace strandline::hub
