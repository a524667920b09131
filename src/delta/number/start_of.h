#pragma once

#include <cstdint>

#include "delta/number/number_work.h"

namespace strandline::delta::number {

/// What the size of the first numbers of a block that is to be written is expected to be, in
/// 1/256 bit: found from its first two thousand.
[[nodiscard]] std::int32_t start_of(ElementType type, Method method, const Work& work);

}  // namespace strandline::delta::number
