#include "registry/delta_job.h"

#include <fmt/core.h>

namespace strandline::registry {

std::string_view to_string(DeltaState state) {
    switch (state) {
        case DeltaState::queued:
            return "queued";
        case DeltaState::running:
            return "running";
        case DeltaState::built:
            return "built";
        case DeltaState::not_worth:
            return "not_worth";
        case DeltaState::failed:
            return "failed";
    }
    return "failed";
}

Result<DeltaState> delta_state_from(std::string_view text) {
    for (const auto state : {DeltaState::queued, DeltaState::running, DeltaState::built,
                             DeltaState::not_worth, DeltaState::failed}) {
        if (text == to_string(state)) return state;
    }
    return fail(Errc::invalid, fmt::format("delta state \"{}\": one of queued, running, built, "
                                           "not_worth, failed",
                                           text.substr(0, 32)));
}

}  // namespace strandline::registry
