#pragma once

#include <cstddef>
#include <cstdint>

#include "delta/layout/tensor.h"

namespace strandline::delta::number {

/// What is coded, and what is expected of its size. Numbers are part of the format.
enum class Method : std::uint8_t {
    absolute = 0,  ///< difference; noise is of one size, so its steps depend on the old exponent
    relative = 1,  ///< difference; noise is in proportion to each number
    direct = 2,    ///< the number itself; the reference only tells where it is likely
    sparse = 3,    ///< `absolute` of the numbers that changed, and where they are
    exact = 4,     ///< the numbers are those that a predictor makes
};

/// Which code runs: the best for this processor, that of every processor of its kind, or plain C++.
/// All give the same bytes.
enum class Speed : std::uint8_t { best, baseline, portable };

}  // namespace strandline::delta::number
