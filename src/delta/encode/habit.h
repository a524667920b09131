#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "delta/coder/numbers_coder.h"

namespace strandline::delta {

/// How a block of a tensor was coded: the next one is mostly of the same kind, so that trials are
/// needed only where it is not.
struct Habit {
    bool predicted = false;            // by what the study says, and nothing else comes near
    std::optional<std::size_t> rough;  // else by this one of the rough predictions
    NumberMode mode;
    std::uint8_t seen = 0;  // what the study had found; see TensorStudy::seen()
    // Of the block that its payload takes.
    double least_share = 1;
    double most_share = 0;
    double hopeless_share = -1;  // at this one matches were looked for in vain

    /// Whether a block that takes this share is like those before.
    [[nodiscard]] bool expects(double share) const {
        constexpr double least_drift = 7.0 / 8;
        return share > least_drift * least_share && most_share > least_drift * share;
    }
    void take(double share) {
        least_share = std::min(least_share, share);
        most_share = std::max(most_share, share);
    }
    [[nodiscard]] bool same_mode(const NumberMode& other) const {
        return mode.method == other.method && mode.columns == other.columns &&
               mode.rows == other.rows;
    }
};

/// Habits of tensors that are alike, such as those of one place in many layers. Each is learned
/// once, from the first tensor of its kind, by whoever needs it first: so the delta is the same
/// for any number of threads.
class KindHabits {
public:
    explicit KindHabits(std::size_t kinds) : entries_(kinds) {}

    template <class Learn>
    [[nodiscard]] const Habit& of(std::uint32_t kind, const Learn& learn) {
        auto& entry = entries_[kind];
        std::call_once(entry.once, [&] { entry.habit = learn(); });
        return entry.habit;
    }

private:
    struct Entry {
        std::once_flag once;
        Habit habit;
    };
    std::vector<Entry> entries_;
};

}  // namespace strandline::delta
