#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "delta/layout/tensor.h"

namespace strandline::delta {

/// A thin product that turns old numbers into new ones, in integers: number::LowRank.
struct Factors {
    unsigned rank = 0;
    int shift = 0;
    std::uint64_t columns = 0;
    std::vector<std::int32_t> left;   ///< rank for each row
    std::vector<std::int32_t> right;  ///< rank rows of `columns`
};

/// Finds out whether the difference of two matrices of floats is of low rank, as an update by
/// adapters or few gradient steps is; `columns` numbers make a row. `stopped` ends it.
[[nodiscard]] std::optional<Factors> find_low_rank(ElementType type, ByteSpan new_numbers,
                                                   ByteSpan old_numbers, std::uint64_t columns,
                                                   const std::function<bool()>& stopped);

}  // namespace strandline::delta
