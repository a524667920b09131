#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "delta/format/old_range.h"
#include "delta/format/varint.h"
#include "delta/layout/tensor.h"

namespace strandline::delta {

/// A tensor of the old file as a block of the new one sees it: its axes in another order, its
/// numbers cast to another type; format.md section 3.2.
struct OldView {
    /// One axis of the new tensor.
    struct Axis {
        std::uint64_t count = 0;
        std::uint64_t stride = 0;  ///< from one index to the next, in numbers of the old tensor
    };
    /// How floats become integers of 8 bits: the nearest to number / scale, plus the zero point.
    /// Number i of the new tensor has scale (i / columns) % period - lead.
    struct Scales {
        std::int32_t zero_point = 0;
        std::uint64_t columns = 1;
        std::uint64_t period = 1;
        std::uint64_t lead = 0;
        ByteSpan values;  ///< binary32 each; borrowed

        [[nodiscard]] std::size_t count() const { return values.size() / sizeof(float); }
        [[nodiscard]] float of(std::uint64_t index) const;
    };

    ElementType from = ElementType::opaque;
    ElementType to = ElementType::opaque;
    std::vector<Axis> axes;    ///< outermost first; 1 to max_view_axes
    std::uint64_t offset = 0;  ///< where the tensor starts in the old file
    std::uint64_t first = 0;   ///< index in the new tensor of the block's first number
    Scales scales;             ///< only for casts to 8 bits
};

inline constexpr std::size_t max_view_axes = 4;
inline constexpr std::size_t max_view_scales = 8192;

/// Whether numbers of one type can be seen as another: the same, between binary32, binary16 and
/// bfloat16, and from these to 8 bits by scales.
[[nodiscard]] bool can_view(ElementType from, ElementType to);
/// Whether such a view has scales.
[[nodiscard]] bool has_scales(const OldView& view);

void append_view(Bytes& out, const OldView& view, std::uint64_t expected);
/// Reads what append_view() wrote. Fields that make no sense alone are `corrupt`.
[[nodiscard]] Result<OldView> parse_view(FieldReader& in, std::uint64_t expected);

/// `corrupt` unless `count` numbers of the view exist, lie within what is at hand of the
/// old file, and have their scales.
[[nodiscard]] Status check_view(const OldView& view, std::uint64_t count, OldRange at_hand);

}  // namespace strandline::delta
