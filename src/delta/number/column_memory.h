#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "delta/number/lanes.h"

namespace strandline::delta::number {

/// How much larger the sizes in each column of a matrix are than the running expectation, in 1/256
/// bit, or those in the row at hand; and where in the matrix a block starts. A block starts with
/// zeros.
struct ColumnMemory {
    std::span<std::int16_t> offsets;  ///< one for each column; not used with `rows`
    std::size_t phase = 0;            ///< column of the first number
    bool rows = false;                ///< rows are told apart instead
};

/// Goes through a matrix, row by row, a group of numbers at a time.
class ColumnCursor {
public:
    explicit ColumnCursor(const ColumnMemory& memory)
        : offsets_(memory.offsets.data()),
          columns_(memory.offsets.size()),
          at_(memory.phase),
          rows_(memory.rows) {}

    /// The offsets of the next `count` numbers; those of other lanes have no meaning.
    [[gnu::always_inline]] [[nodiscard]] inline const Lanes<std::int32_t>& next(unsigned count) {
        if (rows_) {
            next_in_rows(count);
        } else {
            next_in_columns(count);
        }
        return offset_;
    }
    /// With rows: how many numbers the next group has at most. A group ends with its row, and the
    /// first ones of a row are short, as it is not known yet.
    [[gnu::always_inline]] [[nodiscard]] inline std::size_t most_in_group() const {
        const unsigned known = at_ == 0 ? 0 : passed_;
        const std::size_t most = known < 2 ? 1 : std::min(known, lanes);
        return std::min(most, columns_ - at_);
    }
    /// How much larger than expected these numbers were.
    [[gnu::always_inline]] inline void learn(const Lanes<std::int32_t>& surprise, unsigned count) {
        if (rows_) {
            learn_row(surprise, count);
        } else if (straight_) {
            learn_straight(surprise);
        } else {
            for (unsigned lane = 0; lane < count; ++lane) {
                std::int16_t& offset = offsets_[place_[lane]];
                offset = moved(offset, step(surprise[lane], shift_[lane]));
            }
        }
    }

private:
    static constexpr std::int32_t limit = 1 << 14;
    static constexpr unsigned settled = 4;        // rows
    static constexpr unsigned many_numbers = 16;  // of a row

    [[gnu::always_inline]] static inline std::int32_t step(std::int32_t surprise, unsigned shift) {
        return (surprise + (1 << shift >> 1)) >> shift;
    }
    [[gnu::always_inline]] static inline std::int16_t moved(std::int32_t offset,
                                                            std::int32_t step) {
        return static_cast<std::int16_t>(std::clamp(offset + step, -limit, limit));
    }
    // Few numbers are all that is known at first.
    [[gnu::always_inline]] [[nodiscard]] inline unsigned column_shift() const {
        return passed_ == 0 ? 1 : passed_ < settled ? 2 : 3;
    }

    // A whole group in one row is the same work in all lanes.
    [[gnu::always_inline]] inline void next_in_columns(unsigned count) {
        straight_ = count == lanes && at_ + lanes <= columns_;
        if (straight_) {
            const std::int16_t* const from = offsets_ + at_;
            for (unsigned lane = 0; lane < lanes; ++lane) offset_[lane] = from[lane];
            place_[0] = at_;
            shift_[0] = column_shift();
            at_ += lanes;
            if (at_ == columns_) end_row();
            return;
        }
        for (unsigned lane = 0; lane < count; ++lane) {
            place_[lane] = at_;
            offset_[lane] = offsets_[at_];
            shift_[lane] = column_shift();
            if (++at_ == columns_) end_row();
        }
    }
    [[gnu::always_inline]] inline void end_row() {
        at_ = 0;
        passed_ += passed_ < settled ? 1 : 0;
    }
    [[gnu::always_inline]] inline void learn_straight(const Lanes<std::int32_t>& surprise) {
        std::int16_t* const to = offsets_ + place_[0];
        const unsigned shift = shift_[0];
        for (unsigned lane = 0; lane < lanes; ++lane)
            to[lane] = moved(to[lane], step(surprise[lane], shift));
    }
    [[gnu::always_inline]] inline void learn_row(const Lanes<std::int32_t>& surprise,
                                                 unsigned count) {
        std::int32_t sum = 0;
        std::int32_t furthest = row_ < 0 ? -row_ : row_;
        for (unsigned lane = 0; lane < count; ++lane) {
            const std::int32_t way = step(surprise[lane], shift_[0]);
            sum += way;
            furthest += way < 0 ? -way : way;
        }
        if (furthest <= limit) {  // so no step on the way goes too far
            row_ += sum;
            return;
        }
        for (unsigned lane = 0; lane < count; ++lane)
            row_ = moved(row_, step(surprise[lane], shift_[0]));
    }
    [[gnu::always_inline]] inline void next_in_rows(unsigned count) {
        if (at_ == 0) {
            row_ = 0;
            passed_ = 0;
        }
        const unsigned shift = passed_ == 0             ? 1
                               : passed_ < 4            ? 2
                               : passed_ < 8            ? 3
                               : passed_ < many_numbers ? 4
                                                        : 5;
        offset_.fill(row_);
        shift_[0] = shift;
        at_ += count;
        if (at_ == columns_) at_ = 0;
        passed_ = std::min(passed_ + count, many_numbers);
    }

    std::int16_t* offsets_;
    std::size_t columns_;
    std::size_t at_;
    bool rows_;
    std::int32_t row_ = 0;   // the offset of the row at hand
    unsigned passed_ = 0;    // rows that were finished; with rows_: numbers of this one
    bool straight_ = false;  // the group at hand is in one row
    Lanes<std::size_t> place_{};
    Lanes<std::int32_t> offset_{};
    Lanes<unsigned> shift_{};
};

}  // namespace strandline::delta::number
