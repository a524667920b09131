#include "delta/layout/norm_tensors.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <string_view>
#include <unordered_map>

namespace strandline::delta {
namespace {

struct Suffixes {
    std::string_view variance;
    std::string_view mean;
    std::string_view gamma;
    std::string_view beta;
};
constexpr std::array suffixes{
    Suffixes{"running_var", "running_mean", "weight", "bias"},
    Suffixes{"moving_variance", "moving_mean", "gamma", "beta"},
    Suffixes{"moving_variance:0", "moving_mean:0", "gamma:0", "beta:0"},
};

/// Layers' weights and what their bias is called.
constexpr std::array<std::array<std::string_view, 2>, 4> bias_names{{
    {"weight", "bias"},
    {"kernel", "bias"},
    {"kernel:0", "bias:0"},
    {"weights", "biases"},
}};

using ByName = std::unordered_map<std::string_view, std::size_t>;

ByName names_of(const Layout& layout) {
    ByName names;
    for (std::size_t i = 0; i < layout.tensors.size(); ++i) {
        const auto& tensor = layout.tensors[i];
        if (tensor.type == ElementType::f32) names.emplace(tensor.name, i);
    }
    return names;
}

class NormFinder {
public:
    explicit NormFinder(const Layout& layout) : layout_(layout), names_(names_of(layout)) {}

    [[nodiscard]] std::optional<NormTensors> at(std::size_t variance, const Suffixes& words) const {
        const auto& tensor = layout_.tensors[variance];
        if (tensor.type != ElementType::f32 || !tensor.name.ends_with(words.variance)) {
            return std::nullopt;
        }
        const auto stem = tensor.name.substr(0, tensor.name.size() - words.variance.size());
        const auto gamma = find(stem, words.gamma, tensor.bytes);
        const auto beta = find(stem, words.beta, tensor.bytes);
        const auto mean = find(stem, words.mean, tensor.bytes);
        if (!gamma || !beta || !mean) return std::nullopt;
        return NormTensors{*gamma, *beta, *mean, variance, tensor.bytes / sizeof(float)};
    }

    [[nodiscard]] std::optional<std::size_t> find(const std::string& stem, std::string_view word,
                                                  std::uint64_t bytes) const {
        const auto found = names_.find(stem + std::string(word));
        if (found == names_.end() || layout_.tensors[found->second].bytes != bytes) {
            return std::nullopt;
        }
        return found->second;
    }

private:
    const Layout& layout_;
    ByName names_;
};

// Sums, quotients and roots of fp32 numbers, rounded to double and then to fp32, are what one fp32
// operation gives (Figueroa, 1995), and no compiler can melt two of them into one.
float add_f32(float a, float b) { return static_cast<float>(double{a} + double{b}); }
float divide_f32(float a, float b) { return static_cast<float>(double{a} / double{b}); }
float root_f32(float a) { return static_cast<float>(std::sqrt(double{a})); }

}  // namespace

std::vector<NormTensors> find_norms(const Layout& layout) {
    std::vector<NormTensors> norms;
    const NormFinder finder(layout);
    for (std::size_t i = 0; i < layout.tensors.size(); ++i) {
        for (const auto& words : suffixes) {
            if (const auto norm = finder.at(i, words)) norms.push_back(*norm);
        }
    }
    return norms;
}

std::optional<std::size_t> find_bias(const Layout& layout, std::size_t weights,
                                     std::uint64_t channels) {
    const auto& name = layout.tensors[weights].name;
    for (const auto& [weight_word, bias_word] : bias_names) {
        if (!name.ends_with(weight_word)) continue;
        const auto wanted =
            name.substr(0, name.size() - weight_word.size()) + std::string(bias_word);
        // It stands near its weights in every order that files use.
        const std::size_t begin = weights - std::min<std::size_t>(weights, 4);
        for (std::size_t i = begin; i < std::min(weights + 5, layout.tensors.size()); ++i) {
            const auto& tensor = layout.tensors[i];
            if (tensor.type == ElementType::f32 && tensor.name == wanted &&
                tensor.bytes == channels * sizeof(float)) {
                return i;
            }
        }
    }
    return std::nullopt;
}

FoldedChannel fold_channel(const NormChannel& channel, FoldedNorm::Formula formula, float epsilon) {
    const float deviation = root_f32(add_f32(channel.variance, epsilon));
    const float centred = add_f32(channel.bias, -channel.mean);
    if (formula == FoldedNorm::Formula::divide) {
        const float scale = divide_f32(channel.gamma, deviation);
        return {scale, add_f32(multiply_f32(centred, scale), channel.beta)};
    }
    const float root = divide_f32(1, deviation);
    return {multiply_f32(channel.gamma, root),
            add_f32(multiply_f32(multiply_f32(centred, root), channel.gamma), channel.beta)};
}

}  // namespace strandline::delta
