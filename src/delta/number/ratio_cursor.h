#pragma once

#include <cstdint>

#include "delta/number/lanes.h"
#include "delta/number/number_work.h"

namespace strandline::delta::number {

/// What each lane's old number is to be multiplied with, in 1/4096.
class RatioCursor {
public:
    explicit RatioCursor(const RatioRows& rows)
        : ratio_(rows.ratios), columns_(rows.columns), left_(rows.columns - rows.phase) {
        fill();
    }

    [[gnu::always_inline]] inline const Lanes<std::int32_t>& next(unsigned count) {
        if (left_ >= count && same_) [[likely]]
            left_ -= count;
        else
            cross(count);
        return factors_;
    }

private:
    void fill() {
        factors_.fill(one_ratio + *ratio_);
        same_ = true;
    }
    [[gnu::noinline]] void cross(unsigned count) {
        if (left_ == 0) begin_row();
        fill();
        if (left_ >= count) {
            left_ -= count;
            return;
        }
        for (unsigned lane = 0; lane < count; ++lane, --left_) {
            if (left_ == 0) begin_row();
            factors_[lane] = one_ratio + *ratio_;
        }
        same_ = false;
    }
    void begin_row() {
        ++ratio_;
        left_ = columns_;
    }

    const std::int16_t* ratio_;
    std::uint64_t columns_;
    std::uint64_t left_;  // of the row
    Lanes<std::int32_t> factors_{};
    bool same_ = false;  // for all lanes
};

}  // namespace strandline::delta::number
