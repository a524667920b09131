#include "hub/mqtt/flood_guard.h"

#include <utility>

namespace strandline::hub {

FloodGuard::Verdict FloodGuard::take(const std::string& device, std::size_t bytes, SteadyTime now) {
    if (now - began_ >= limits_.window) {
        began_ = now;
        sent_.clear();
    }
    auto& sent = sent_[device];
    ++sent.messages;
    sent.bytes += bytes;
    if (sent.messages <= limits_.messages && sent.bytes <= limits_.bytes) return Verdict::fine;
    return std::exchange(sent.told, true) ? Verdict::excess : Verdict::flood;
}

}  // namespace strandline::hub
