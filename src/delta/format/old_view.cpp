#include "delta/format/old_view.h"

#include <bit>
#include <limits>

#include "delta/format/header.h"

namespace strandline::delta {
namespace {

Error malformed(const char* what) {
    return fail(Errc::corrupt, std::string("delta has a malformed view: ") + what);
}

bool is_short_float(ElementType type) {
    return type == ElementType::f32 || type == ElementType::f16 || type == ElementType::bf16;
}

bool is_byte(ElementType type) { return type == ElementType::i8 || type == ElementType::u8; }

float value_at(ByteSpan values, std::uint64_t i) {
    return std::bit_cast<float>(
        load_le<std::uint32_t>(values.subspan(static_cast<std::size_t>(i * sizeof(float)))));
}

void append_scales(Bytes& out, const OldView::Scales& scales) {
    append_varint(out, zigzag(scales.zero_point));
    append_varint(out, scales.columns);
    append_varint(out, scales.period);
    append_varint(out, scales.lead);
    append_varint(out, scales.count());
    out.insert(out.end(), scales.values.begin(), scales.values.end());
}

Result<OldView::Scales> read_scales(FieldReader& in) {
    OldView::Scales scales;
    const std::int64_t zero_point = unzigzag(in.varint());
    scales.columns = in.varint();
    scales.period = in.varint();
    scales.lead = in.varint();
    const std::uint64_t count = in.varint();
    if (!in.ok() || count > max_view_scales) return malformed("too many scales");
    if (zero_point < -255 || zero_point > 255 || scales.columns == 0 || scales.period == 0)
        return malformed("impossible scales");
    scales.zero_point = static_cast<std::int32_t>(zero_point);
    scales.values = in.take(count * sizeof(float));
    if (!in.ok()) return malformed("scales are missing");
    for (std::size_t i = 0; i < count; ++i) {
        const float value = value_at(scales.values, i);
        // Not zero, not negative, not infinite, a number.
        if (!(value > 0) || value > std::numeric_limits<float>::max())
            return malformed("impossible scales");
    }
    return scales;
}

// The product, or nothing when it is beyond what a file can hold.
std::optional<std::uint64_t> product(std::uint64_t a, std::uint64_t b) {
    if (b != 0 && a > max_file_bytes / b) return std::nullopt;
    return a * b;
}

bool scales_reach(const OldView::Scales& scales, std::uint64_t first, std::uint64_t count) {
    const std::uint64_t begin = first / scales.columns;
    const std::uint64_t steps = (first + count - 1) / scales.columns - begin;
    // A whole period, or a part of one that does not start anew within.
    if (steps >= scales.period - begin % scales.period)
        return scales.lead == 0 && scales.count() >= scales.period;
    const std::uint64_t from = begin % scales.period;
    return scales.lead <= from && from + steps - scales.lead < scales.count();
}

}  // namespace

float OldView::Scales::of(std::uint64_t index) const {
    return value_at(values, index / columns % period - lead);
}

bool can_view(ElementType from, ElementType to) {
    if (from == ElementType::opaque || to == ElementType::opaque) return false;
    if (from == to) return true;
    return is_short_float(from) && (is_short_float(to) || is_byte(to));
}

bool has_scales(const OldView& view) { return view.from != view.to && is_byte(view.to); }

void append_view(Bytes& out, const OldView& view, std::uint64_t expected) {
    out.push_back(static_cast<std::byte>(static_cast<unsigned>(view.from) |
                                         static_cast<unsigned>(view.to) << 4));
    out.push_back(static_cast<std::byte>(view.axes.size()));
    for (const auto& axis : view.axes) {
        append_varint(out, axis.count);
        append_varint(out, axis.stride);
    }
    append_varint(out, zigzag(static_cast<std::int64_t>(view.offset - expected)));
    append_varint(out, view.first);
    if (has_scales(view)) append_scales(out, view.scales);
}

Result<OldView> parse_view(FieldReader& in, std::uint64_t expected) {
    OldView view;
    const unsigned types = in.byte();
    const std::size_t axes = in.byte();
    view.from = static_cast<ElementType>(types & 15);
    view.to = static_cast<ElementType>(types >> 4);
    if (!in.ok() || view.from > ElementType::opaque || view.to > ElementType::opaque ||
        !can_view(view.from, view.to))
        return malformed("unknown types");
    if (axes == 0 || axes > max_view_axes) return malformed("too many axes, or none");
    for (std::size_t i = 0; i < axes; ++i) {
        const auto count = in.varint();
        view.axes.push_back({count, in.varint()});
    }
    view.offset = expected + static_cast<std::uint64_t>(unzigzag(in.varint()));
    view.first = in.varint();
    if (has_scales(view)) {
        TRY(view.scales, read_scales(in));
    }
    if (!in.ok()) return malformed("it ends early");
    return view;
}

Status check_view(const OldView& view, std::uint64_t count, OldRange at_hand) {
    std::uint64_t all = 1;
    std::uint64_t last = 0;  // largest index in the old tensor
    for (const auto& axis : view.axes) {
        const auto more = product(all, axis.count);
        if (axis.count == 0 || !more) return malformed("impossible axes");
        const auto far = product(axis.count - 1, axis.stride);
        if (!far || *far > max_file_bytes - last) return malformed("impossible axes");
        all = *more;
        last += *far;
    }
    if (count == 0 || view.first >= all || count > all - view.first)
        return malformed("its tensor has fewer numbers");
    const auto bytes = product(last + 1, element_size(view.from));
    if (!bytes || !lies_within({view.offset, *bytes}, at_hand))
        return fail(Errc::corrupt, "delta refers to old bytes that are not there");
    if (has_scales(view) && !scales_reach(view.scales, view.first, count))
        return malformed("scales are missing");
    return {};
}

}  // namespace strandline::delta
