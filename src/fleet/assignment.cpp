#include "fleet/assignment.h"

#include <set>

namespace strandline::fleet {
namespace {

bool stays(const Traits& traits, const Candidate& held, const Candidate& offered) {
    if (held.deployment == offered.deployment) return true;
    return held.sequence > offered.sequence && matches(held.to, traits);
}

}  // namespace

std::vector<Candidate> choose_assignments(const Traits& traits,
                                          const std::vector<Candidate>& standing,
                                          const std::map<std::string, Candidate>& current) {
    std::vector<Candidate> chosen;
    std::set<std::string> decided;
    for (const auto& offered : standing) {
        if (decided.contains(offered.slot) || !matches(offered.to, traits)) continue;
        decided.insert(offered.slot);
        const auto held = current.find(offered.slot);
        if (held != current.end() && stays(traits, held->second, offered)) continue;
        chosen.push_back(offered);
    }
    return chosen;
}

}  // namespace strandline::fleet
