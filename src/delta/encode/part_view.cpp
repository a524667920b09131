#include "delta/encode/part_view.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "delta/coder/view_reader.h"

namespace strandline::delta {
namespace {

std::uint64_t elements_of(const Tensor& tensor) { return tensor.bytes / element_size(tensor.type); }

// Axes of the new tensor with their steps in the old one; neighbours that go on where the next one
// ends are one.
std::vector<OldView::Axis> axes_of(const Tensor& old, const Tensor& now,
                                   const std::vector<std::uint32_t>& permutation) {
    if (permutation.empty()) return {{elements_of(now), 1}};
    std::vector<std::uint64_t> strides(old.shape.size(), 1);
    for (std::size_t axis = strides.size(); axis-- > 1;)
        strides[axis - 1] = strides[axis] * old.shape[axis];
    std::vector<OldView::Axis> axes;
    for (std::size_t i = 0; i < now.shape.size(); ++i) {
        const OldView::Axis axis{now.shape[i], strides[permutation[i]]};
        if (axis.count == 1) continue;
        if (!axes.empty() && axes.back().stride == axis.count * axis.stride) {
            axes.back() = {axes.back().count * axis.count, axis.stride};
        } else {
            axes.push_back(axis);
        }
    }
    if (axes.empty()) axes.push_back({1, 1});
    return axes;
}

bool usable(float scale) { return scale > 0 && std::isfinite(scale); }

// What the new file says of its scales.
bool take_scales(const Tensor& now, PartView& part) {
    if (!now.quantisation || now.quantisation->scales.empty()) return false;
    const auto& given = *now.quantisation;
    auto& scales = part.view.scales;
    if (!std::ranges::all_of(given.scales, usable)) return false;
    for (const auto zero_point : given.zero_points) {
        if (zero_point != given.zero_points.front() || zero_point < -255 || zero_point > 255)
            return false;
        scales.zero_point = static_cast<std::int32_t>(zero_point);
    }
    scales.columns = elements_of(now);
    if (given.scales.size() > 1) {
        if (given.axis >= now.shape.size() || now.shape[given.axis] != given.scales.size())
            return false;
        scales.columns = 1;
        for (std::size_t axis = std::size_t{given.axis} + 1; axis < now.shape.size(); ++axis)
            scales.columns *= now.shape[axis];
    }
    scales.period = given.scales.size();
    part.scales = given.scales;
    return true;
}

// The largest old number of each row of the new tensor, or nothing. In pieces: the file is long.
std::vector<float> largest_of_rows(const OldView& view, std::uint64_t count, std::uint64_t columns,
                                   ByteSpan old_file) {
    constexpr std::uint64_t piece_numbers = 64u << 10;
    OldView wide = view;
    wide.to = ElementType::f32;
    Bytes bytes(static_cast<std::size_t>(std::min(count, piece_numbers) * sizeof(float)));
    Bytes window(64u << 10);
    std::vector<float> largest(static_cast<std::size_t>(count / columns));
    for (std::uint64_t at = 0; at < count; at += piece_numbers) {
        const auto numbers = static_cast<std::size_t>(std::min(count - at, piece_numbers));
        const auto piece = std::span(bytes).first(numbers * sizeof(float));
        wide.first = at;
        if (!read_view(wide, MemoryReader(old_file), piece, window)) return {};
        for (std::size_t i = 0; i < numbers; ++i) {
            auto& most = largest[static_cast<std::size_t>((at + i) / columns)];
            most = std::max(most, std::fabs(std::bit_cast<float>(load_le<std::uint32_t>(
                                      ByteSpan(piece).subspan(i * sizeof(float))))));
        }
    }
    return largest;
}

// The largest number is the largest integer, on both sides of zero: what tools do unless told
// otherwise. A row is what shares the first axis.
bool guess_scales(const Tensor& now, ByteSpan old_file, PartView& part) {
    constexpr std::uint64_t most_numbers = std::uint64_t{16} << 20;
    const std::uint64_t count = elements_of(now);
    if (now.type != ElementType::i8 || now.shape.empty() || count > most_numbers) return false;
    const std::uint64_t rows = now.shape.size() > 1 ? now.shape[0] : 1;
    const auto largest = largest_of_rows(part.view, count, count / rows, old_file);
    if (largest.empty()) return false;
    part.view.scales.columns = count / rows;
    part.view.scales.period = rows;
    part.scales.reserve(largest.size());
    for (const float most : largest) {
        const float scale = most / 127;
        part.scales.push_back(usable(scale) ? scale : 1);
    }
    return true;
}

Bytes bytes_of(std::span<const float> values) {
    Bytes out;
    for (const float value : values) append_le(out, std::bit_cast<std::uint32_t>(value));
    return out;
}

// Of a sample, how many numbers come out exactly.
std::uint64_t hits(const PartView& part, const Tensor& now, ByteSpan old_file, ByteSpan new_file) {
    const std::uint64_t count = std::min<std::uint64_t>(elements_of(now), 4096);
    Bytes scales;
    const auto view = share_of(part, 0, count, scales);
    if (!view) return 0;
    Bytes cast(static_cast<std::size_t>(count));
    Bytes window(64u << 10);
    if (!read_view(*view, MemoryReader(old_file), cast, window)) return 0;
    std::uint64_t equal = 0;
    for (std::size_t i = 0; i < count; ++i) equal += cast[i] == new_file[now.offset + i] ? 1 : 0;
    return equal;
}

// One scale for all rows, if that is as good: the largest of theirs.
void share_scale(const Tensor& now, ByteSpan old_file, ByteSpan new_file, PartView& part) {
    PartView one = part;
    one.view.scales.columns = elements_of(now);
    one.view.scales.period = 1;
    one.scales = {*std::ranges::max_element(part.scales)};
    if (hits(one, now, old_file, new_file) >= hits(part, now, old_file, new_file))
        part = std::move(one);
}

}  // namespace

std::optional<PartView> find_view(const FileMatch& files, const TensorMatch& match,
                                  ByteSpan old_file, ByteSpan new_file) {
    if (!match.old_tensor || match.relation != Relation::related) return std::nullopt;
    const Tensor& old = files.old_layout.tensors[*match.old_tensor];
    const Tensor& now = files.new_layout.tensors[match.new_tensor];
    if ((old.type == now.type && match.permutation.empty()) || !can_view(old.type, now.type) ||
        elements_of(old) != elements_of(now) || elements_of(now) == 0)
        return std::nullopt;
    PartView part;
    part.view.from = old.type;
    part.view.to = now.type;
    part.view.axes = axes_of(old, now, match.permutation);
    part.view.offset = old.offset;
    if (part.view.axes.size() > max_view_axes) return std::nullopt;
    if (has_scales(part.view) && !take_scales(now, part)) {
        if (!guess_scales(now, old_file, part)) return std::nullopt;
        share_scale(now, old_file, new_file, part);
    }
    return part;
}

std::optional<OldView> share_of(const PartView& part, std::uint64_t first, std::uint64_t count,
                                Bytes& scales) {
    OldView view = part.view;
    view.first = first;
    if (!has_scales(view)) return view;
    auto values = std::span(part.scales);
    auto& use = view.scales;
    const std::uint64_t begin = first / use.columns;
    const std::uint64_t last = (first + count - 1) / use.columns;
    if (last < use.period) {
        use.lead = begin;
        values = values.subspan(begin, last - begin + 1);
    }
    if (values.size() > max_view_scales) return std::nullopt;
    scales = bytes_of(values);
    use.values = scales;
    return view;
}

}  // namespace strandline::delta
