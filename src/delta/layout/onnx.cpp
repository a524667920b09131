#include <string_view>
#include <unordered_map>

#include "delta/layout/containers.h"
#include "delta/layout/onnx_graph.h"
#include "delta/layout/reader.h"

namespace strandline::delta {
namespace {

using Claims = std::vector<Collector::Claim>;
using ByName = std::unordered_map<std::string_view, std::size_t>;

const Collector::Claim* find(const Claims& claims, const ByName& names, std::string_view name) {
    const auto found = name.empty() ? names.end() : names.find(name);
    return found == names.end() ? nullptr : &claims[found->second];
}

std::vector<float> read_floats(ByteSpan bytes) {
    std::vector<float> result(bytes.size() / sizeof(float));
    for (std::size_t i = 0; i < result.size(); ++i) result[i] = load_f32(bytes.subspan(4 * i, 4));
    return result;
}

/// Zero points are numbers of the quantised tensor's own type; others are not used.
std::vector<std::int64_t> read_zero_points(ByteSpan bytes, ElementType type) {
    std::vector<std::int64_t> result;
    if (element_size(type) != 1) return result;
    result.reserve(bytes.size());
    for (const auto byte : bytes) {
        const auto value = std::to_integer<std::uint8_t>(byte);
        result.push_back(type == ElementType::i8 ? static_cast<std::int8_t>(value) : value);
    }
    return result;
}

void attach_scales(ByteSpan file, const OnnxGraph& graph, Claims& claims) {
    ByName names;
    for (std::size_t i = 0; i < claims.size(); ++i) names.try_emplace(claims[i].name, i);
    std::uint64_t affordable = file.size();
    for (const auto& scaling : graph.scalings) {
        const auto* quantised = find(claims, names, scaling.quantised);
        const auto* scale = find(claims, names, scaling.scale);
        if (quantised == nullptr || scale == nullptr || scale->type != ElementType::f32) continue;
        if (quantised->quantisation || scale->bytes > affordable) continue;
        affordable -= scale->bytes;
        Quantisation found;
        found.scales = read_floats(slice(file, scale->offset, scale->bytes));
        const auto* zero = find(claims, names, scaling.zero_point);
        if (zero != nullptr && zero->type == quantised->type &&
            zero->bytes == found.scales.size()) {
            found.zero_points =
                read_zero_points(slice(file, zero->offset, zero->bytes), zero->type);
        }
        found.axis = scaling.axis;
        claims[static_cast<std::size_t>(quantised - claims.data())].quantisation = std::move(found);
    }
}

}  // namespace

bool read_onnx(ByteSpan file, Collector& tensors) {
    auto graph = walk_onnx(file);
    if (!graph.found) return false;
    attach_scales(file, graph, graph.tensors);
    for (auto& claim : graph.tensors) tensors.add(std::move(claim));
    return true;
}

}  // namespace strandline::delta
