#include "delta/coder/view_reader.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "delta/number/cast.h"
#include "delta/number/number_format.h"

namespace strandline::delta {
namespace {

// Writes old numbers into the block, as the new type.
class Caster {
public:
    Caster(const OldView& view, std::span<std::byte> out)
        : view_(&view),
          from_(element_size(view.from)),
          to_(element_size(view.to)),
          out_(out),
          same_(view.from == view.to) {}

    /// `count` old numbers, `step` bytes apart, become those of the block at `place` and on, each
    /// `stride` further.
    void put(const std::byte* old, std::size_t step, std::uint64_t place, std::uint64_t stride,
             std::uint64_t count) const {
        for (std::uint64_t i = 0; i < count; ++i, old += step, place += stride) {
            std::byte* to = out_.data() + place * to_;
            if (same_) {
                std::memcpy(to, old, to_);
            } else {
                cast(old, to, view_->first + place);
            }
        }
    }

private:
    void cast(const std::byte* old, std::byte* to, std::uint64_t index) const {
        const std::uint32_t wide = widened(old);
        switch (view_->to) {
            case ElementType::f16:
                return number::store_word(to, number::to_float16(wide));
            case ElementType::bf16:
                return number::store_word(to, number::to_bfloat16(wide));
            case ElementType::i8:
                return put_byte(to, wide, index, -128, 127);
            case ElementType::u8:
                return put_byte(to, wide, index, 0, 255);
            default:
                return number::store_word(to, wide);
        }
    }
    [[nodiscard]] std::uint32_t widened(const std::byte* old) const {
        if (view_->from == ElementType::f16)
            return number::from_float16(number::load_word<std::uint16_t>(old));
        if (view_->from == ElementType::bf16)
            return number::from_bfloat16(number::load_word<std::uint16_t>(old));
        return number::load_word<std::uint32_t>(old);
    }
    void put_byte(std::byte* to, std::uint32_t wide, std::uint64_t index, std::int32_t least,
                  std::int32_t most) const {
        const auto& scales = view_->scales;
        *to = static_cast<std::byte>(number::quantised(std::bit_cast<float>(wide), scales.of(index),
                                                       scales.zero_point, least, most));
    }

    const OldView* view_;
    std::size_t from_;
    std::size_t to_;
    std::span<std::byte> out_;
    bool same_;
};

// The tensor's axes from `first` on: how many numbers they make, and how far apart these are.
struct Suffix {
    std::uint64_t numbers = 1;
    std::uint64_t span = 1;  ///< in the old tensor, from the first number to the last
};

Suffix suffix_of(const OldView& view, std::size_t first) {
    Suffix suffix;
    for (std::size_t i = first; i < view.axes.size(); ++i) {
        suffix.numbers *= view.axes[i].count;
        suffix.span += (view.axes[i].count - 1) * view.axes[i].stride;
    }
    return suffix;
}

// Where a number of the axes [first, last) stands in the old tensor.
std::uint64_t old_index(const OldView& view, std::size_t first, std::size_t last,
                        std::uint64_t index) {
    std::uint64_t old = 0;
    for (std::size_t axis = last; axis-- > first;) {
        old += index % view.axes[axis].count * view.axes[axis].stride;
        index /= view.axes[axis].count;
    }
    return old;
}

class ViewReader {
public:
    ViewReader(const OldView& view, const ReadAt& old_file, std::span<std::byte> out,
               std::span<std::byte> window)
        : view_(&view),
          old_file_(&old_file),
          from_(element_size(view.from)),
          begin_(view.first),
          end_(view.first + out.size() / element_size(view.to)),
          caster_(view, out),
          window_(window) {}

    Status run() {
        for (std::size_t axis = 0; axis < view_->axes.size(); ++axis) {
            const Suffix suffix = suffix_of(*view_, axis);
            // Not much is read in vain, and not often.
            constexpr std::uint64_t most_in_vain = 4;
            constexpr std::uint64_t least_numbers = 64;
            if (suffix.numbers >= least_numbers && suffix.span <= window_.size() / from_ &&
                suffix.span / most_in_vain <= suffix.numbers)
                return read_slabs(axis, suffix);
        }
        return read_runs(run_axis());
    }

private:
    // Neighbours in the old tensor are neighbours along this axis; the last one if there is none.
    [[nodiscard]] std::size_t run_axis() const {
        for (std::size_t axis = view_->axes.size(); axis-- > 0;)
            if (view_->axes[axis].stride == 1 && view_->axes[axis].count > 1) return axis;
        return view_->axes.size() - 1;
    }

    Status read(std::uint64_t old, std::uint64_t numbers) {
        return old_file_->read_at(view_->offset + old * from_,
                                  window_.first(static_cast<std::size_t>(numbers * from_)));
    }

    // All that the axes from `axis` on span fits the window: read as a whole, for each index of
    // the axes before.
    Status read_slabs(std::size_t axis, const Suffix& suffix) {
        for (std::uint64_t at = begin_; at < end_;) {
            const std::uint64_t slab = at / suffix.numbers;
            const std::uint64_t stop = std::min(end_, (slab + 1) * suffix.numbers);
            TRY(read(old_index(*view_, 0, axis, slab), suffix.span));
            const auto& last = view_->axes.back();
            while (at < stop) {
                const std::uint64_t within = at - slab * suffix.numbers;
                const std::uint64_t count = std::min(stop - at, last.count - within % last.count);
                const std::uint64_t old = old_index(*view_, axis, view_->axes.size(), within);
                caster_.put(window_.data() + old * from_, last.stride * from_, at - begin_, 1,
                            count);
                at += count;
            }
        }
        return {};
    }

    // For each index of the other axes, what the block needs along one.
    Status read_runs(std::size_t axis) {
        const std::uint64_t inner = suffix_of(*view_, axis + 1).numbers;
        const std::uint64_t count = view_->axes[axis].count;
        const std::uint64_t all = count * inner;
        for (std::uint64_t outer = begin_ / all; outer * all < end_; ++outer) {
            const std::uint64_t base = old_index(*view_, 0, axis, outer);
            // The block's share of this outer index: as many runs as it has different inner ones.
            const std::uint64_t from = std::max(begin_, outer * all) - outer * all;
            const std::uint64_t until = std::min(end_ - outer * all, all);
            for (std::uint64_t at = from; at < std::min(until, from + inner); ++at) {
                const std::uint64_t old =
                    base + old_index(*view_, axis + 1, view_->axes.size(), at % inner);
                TRY(read_run(axis, old, {at / inner, (until - at + inner - 1) / inner},
                             {outer * all + at - begin_, inner}));
            }
        }
        return {};
    }

    // Indexes of an axis.
    struct Run {
        std::uint64_t first = 0;
        std::uint64_t count = 0;
    };
    // Where they go in the block.
    struct Places {
        std::uint64_t first = 0;
        std::uint64_t stride = 1;
    };

    Status read_run(std::size_t axis, std::uint64_t old, Run run, Places places) {
        const std::uint64_t stride = view_->axes[axis].stride;
        const std::uint64_t most = stride == 1 ? window_.size() / from_ : 1;
        while (run.count > 0) {
            const std::uint64_t count = std::min(run.count, most);
            TRY(read(old + run.first * stride, count));
            caster_.put(window_.data(), from_, places.first, places.stride, count);
            places.first += count * places.stride;
            run.first += count;
            run.count -= count;
        }
        return {};
    }

    const OldView* view_;
    const ReadAt* old_file_;
    std::size_t from_;
    std::uint64_t begin_;
    std::uint64_t end_;
    Caster caster_;
    std::span<std::byte> window_;
};

}  // namespace

Status read_view(const OldView& view, const ReadAt& old_file, std::span<std::byte> out,
                 std::span<std::byte> window) {
    return ViewReader(view, old_file, out, window).run();
}

}  // namespace strandline::delta
