#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace strandline::delta::number {

/// How much larger the sizes in each column of a matrix are than the running expectation, in 1/256
/// bit, or those in the row at hand; and where in the matrix a block starts. A block starts with
/// zeros.
struct ColumnMemory {
    std::span<std::int16_t> offsets;  ///< one for each column; with `rows` the first alone is used
    std::size_t phase = 0;            ///< column of the first number
    bool rows = false;                ///< rows are told apart instead
};

/// Goes through a matrix, row by row.
class ColumnCursor {
public:
    ColumnCursor() = default;
    explicit ColumnCursor(const ColumnMemory& memory)
        : offsets_(memory.offsets), at_(memory.phase), rows_(memory.rows) {}

    /// Of the next number.
    std::int16_t* next() {
        std::int16_t* const here = &offsets_[rows_ ? 0 : at_];
        if (rows_) {
            if (at_ == 0) {
                *here = 0;
                seen_ = 0;
            }
            shift_ = shift_of(seen_);
            seen_ += seen_ < settled ? 1 : 0;
        }
        if (++at_ == offsets_.size()) {
            at_ = 0;
            seen_ += !rows_ && seen_ < settled ? 1 : 0;
        }
        if (!rows_) shift_ = shift_of(seen_);
        return here;
    }
    void learn(std::int16_t* offset, std::int32_t surprise) const {
        constexpr std::int32_t limit = 1 << 14;
        const std::int32_t moved = *offset + ((surprise + (1 << shift_ >> 1)) >> shift_);
        *offset = static_cast<std::int16_t>(std::clamp(moved, -limit, limit));
    }

private:
    static constexpr unsigned settled = 4;
    // Few numbers are all that is known at first.
    static unsigned shift_of(unsigned seen) { return seen == 0 ? 1 : seen < settled ? 2 : 3; }

    std::span<std::int16_t> offsets_;
    std::size_t at_ = 0;
    unsigned seen_ = 0;  // rows that were finished; with rows_: numbers of this row
    unsigned shift_ = 1;
    bool rows_ = false;
};

}  // namespace strandline::delta::number
