#include "delta/layout/companion_scales.h"

#include <array>
#include <string>
#include <string_view>
#include <unordered_map>

#include "delta/layout/sign_samples.h"

namespace strandline::delta {
namespace {

/// What stands behind the weights' name.
constexpr std::array<std::string_view, 6> suffixes{".scale",  "_scale",  "/scale",
                                                   ".scales", "_scales", "_quantizer._scale"};

bool is_float(ElementType type) {
    return type == ElementType::f32 || type == ElementType::f16 || type == ElementType::bf16;
}

using ByName = std::unordered_map<std::string_view, const Tensor*>;

const Tensor* find_scales(const ByName& floats, const std::string& name) {
    for (const auto suffix : suffixes) {
        const auto found = floats.find(name + std::string(suffix));
        if (found != floats.end()) return found->second;
    }
    return nullptr;
}

std::optional<Quantisation> read_scales(ByteSpan file, const Tensor& scales,
                                        const Tensor& weights) {
    const std::uint64_t count = scales.bytes / element_size(scales.type);
    Quantisation result;
    if (count != 1 && count != weights.shape.front()) {
        if (count != weights.shape.back()) return std::nullopt;
        result.axis = static_cast<std::uint32_t>(weights.shape.size() - 1);
    }
    for (std::uint64_t i = 0; i < count; ++i) {
        result.scales.push_back(static_cast<float>(number_at(scales, file, i).value_or(0)));
    }
    return result;
}

}  // namespace

void attach_companion_scales(ByteSpan file, std::vector<Tensor>& tensors) {
    ByName floats;
    for (const auto& tensor : tensors) {
        if (is_float(tensor.type) && !tensor.name.empty()) floats.emplace(tensor.name, &tensor);
    }
    if (floats.empty()) return;
    for (auto& tensor : tensors) {
        if (tensor.type != ElementType::i8 && tensor.type != ElementType::u8) continue;
        if (tensor.quantisation || tensor.name.empty()) continue;
        const auto* scales = find_scales(floats, tensor.name);
        if (scales != nullptr) tensor.quantisation = read_scales(file, *scales, tensor);
    }
}

}  // namespace strandline::delta
