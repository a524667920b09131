#include "agent/update_state.h"

namespace strandline::agent {
namespace {

struct Row {
    UpdateState state;
    std::string_view name;
    unsigned crash_limit;
};

constexpr std::array<Row, update_state_count> rows{{
    {UpdateState::idle, "idle", 1000},
    {UpdateState::plan, "plan", 20},
    {UpdateState::fetch, "fetch", 50},
    {UpdateState::assemble, "assemble", 5},
    {UpdateState::verify, "verify", 5},
    {UpdateState::self_test, "self_test", 5},
    {UpdateState::switch_over, "switch", 5},
    {UpdateState::soak, "soak", 5},
    {UpdateState::report, "report", 1000},
    {UpdateState::roll_back, "roll_back", 1000},
}};

}  // namespace

std::string_view to_string(UpdateState state) { return rows[static_cast<std::size_t>(state)].name; }

std::optional<UpdateState> update_state_from_string(std::string_view text) {
    for (const auto& row : rows) {
        if (row.name == text) return row.state;
    }
    return std::nullopt;
}

unsigned crash_limit(UpdateState state) {
    return rows[static_cast<std::size_t>(state)].crash_limit;
}

}  // namespace strandline::agent
