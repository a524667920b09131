#include <algorithm>
#include <array>
#include <cmath>

#include "delta/layout/match_side.h"
#include "delta/layout/norm_tensors.h"

namespace strandline::delta {
namespace {

/// Those that frameworks use unless told otherwise.
constexpr std::array epsilons{1e-5F, 1e-3F, 1e-4F, 1e-6F, 2e-5F, 1e-2F, 1e-7F, 1e-8F, 0.0F};
constexpr std::array formulas{FoldedNorm::Formula::divide, FoldedNorm::Formula::reciprocal};
/// Norms that are tried for weights, those first that stand nearest.
constexpr std::size_t max_norms = 24;
constexpr std::uint64_t checked_weights = 256;
/// Tensors on both sides of the weights among which their bias is sought.
constexpr std::size_t bias_distance = 8;
constexpr std::uint64_t checked_channels = 32;

class FoldFinder {
public:
    FoldFinder(const MatchSide& old_side, const MatchSide& new_side,
               std::vector<TensorMatch>& matches)
        : old_(old_side),
          new_(new_side),
          matches_(matches),
          norms_(find_norms(old_side.layout())),
          used_(norms_.size()) {}

    void run() {
        for (std::size_t i = 0; i < matches_.size() && !norms_.empty(); ++i) {
            const auto& match = matches_[i];
            if (match.relation != Relation::related || !match.permutation.empty()) continue;
            if (match.folded || new_.tensor(i).shape.size() < 2) continue;
            // Of a reshaped tensor, channels are along no axis of both.
            if (old_.squeezed_shape(*match.old_tensor) != new_.squeezed_shape(i)) continue;
            if (is_f32(new_.tensor(i)) && is_f32(old_.tensor(*match.old_tensor))) fold_weights(i);
        }
    }

private:
    static bool is_f32(const Tensor& tensor) { return tensor.type == ElementType::f32; }

    static float number(const MatchSide& side, std::size_t tensor, std::uint64_t index) {
        return static_cast<float>(number_at(side.tensor(tensor), side.file(), index).value_or(0));
    }

    void fold_weights(std::size_t i) {
        const auto old_tensor = *matches_[i].old_tensor;
        for (const auto candidate : nearest_norms(old_tensor)) {
            const auto& norm = norms_[candidate];
            // The old one may have axes of length 1 that are not there any more.
            const auto& shape = new_.tensor(i).shape;
            for (std::uint32_t axis = 0; axis < shape.size(); ++axis) {
                if (used_[candidate] || shape[axis] != norm.channels) continue;
                if (auto found = fit(i, norm, axis)) {
                    found->bias = find_bias(old_.layout(), old_tensor, norm.channels);
                    used_[candidate] = true;
                    matches_[i].folded = *found;
                    fold_bias(i, *found, norm.channels);
                    return;
                }
            }
        }
    }

    [[nodiscard]] std::vector<std::size_t> nearest_norms(std::size_t old_tensor) const {
        const auto above = std::ranges::lower_bound(norms_, old_tensor, {}, &NormTensors::variance);
        const auto place = static_cast<std::size_t>(above - norms_.begin());
        std::vector<std::size_t> result;
        for (std::size_t step = 0; step < 2 * max_norms; ++step) {
            const std::size_t distance = step / 2 + step % 2;
            const bool behind = step % 2 == 0;
            if (behind && place + distance < norms_.size()) result.push_back(place + distance);
            if (!behind && distance <= place) result.push_back(place - distance);
        }
        return result;
    }

    [[nodiscard]] NormChannel channel_of(const FoldedNorm& norm, std::uint64_t channel) const {
        return {number(old_, norm.gamma, channel), number(old_, norm.beta, channel),
                number(old_, norm.mean, channel), number(old_, norm.variance, channel),
                norm.bias ? number(old_, *norm.bias, channel) : 0};
    }

    /// The formula that gives the most weights exactly, if that is at least half of them: exporters
    /// that calculate in double differ from both in some last bits.
    std::optional<FoldedNorm> fit(std::size_t i, const NormTensors& norm, std::uint32_t axis) {
        FoldedNorm folded;
        folded.axis = axis;
        folded.gamma = norm.gamma;
        folded.beta = norm.beta;
        folded.mean = norm.mean;
        folded.variance = norm.variance;
        std::optional<FoldedNorm> best;
        std::uint64_t least_wrong = std::min(new_.elements(i), checked_weights) / 2 + 1;
        for (const auto formula : formulas) {
            for (const auto epsilon : epsilons) {
                folded.formula = formula;
                folded.epsilon = epsilon;
                const auto wrong = wrong_weights(i, folded, least_wrong);
                if (wrong >= least_wrong) continue;
                least_wrong = wrong;
                best = folded;
            }
        }
        return best;
    }

    /// Samples that do not come out; counts up to `most`.
    [[nodiscard]] std::uint64_t wrong_weights(std::size_t i, const FoldedNorm& folded,
                                              std::uint64_t most) const {
        const auto& tensor = new_.tensor(i);
        const auto count = new_.elements(i);
        std::uint64_t inner = 1;
        for (auto axis = folded.axis + 1; axis < tensor.shape.size(); ++axis) {
            inner *= tensor.shape[axis];
        }
        const auto samples = std::min(count, checked_weights);
        std::uint64_t wrong = 0;
        for (std::uint64_t sample = 0; sample < samples && wrong < most; ++sample) {
            const auto at = sample_index(sample, samples, count);
            const auto channel = at / inner % tensor.shape[folded.axis];
            const auto scale =
                fold_channel(channel_of(folded, channel), folded.formula, folded.epsilon).scale;
            const float wanted = multiply_f32(number(old_, *matches_[i].old_tensor, at), scale);
            wrong += wanted == number(new_, i, at) ? 0 : 1;
        }
        return wrong;
    }

    void fold_bias(std::size_t weights, FoldedNorm folded, std::uint64_t channels) {
        folded.part = FoldedNorm::Part::bias;
        std::uint64_t best_exact = 0;
        std::optional<std::size_t> best;
        const std::size_t begin = weights - std::min(weights, bias_distance);
        const std::size_t end = std::min(weights + bias_distance + 1, new_.size());
        for (std::size_t i = begin; i < end; ++i) {
            const auto& tensor = new_.tensor(i);
            if (!is_f32(tensor) || tensor.bytes != channels * sizeof(float)) continue;
            if (matches_[i].relation == Relation::equal || matches_[i].folded) continue;
            const auto exact = exact_biases(i, folded, channels);
            if (exact <= best_exact) continue;
            best_exact = exact;
            best = i;
        }
        if (!best || best_exact * 2 < std::min(channels, checked_channels)) return;
        matches_[*best] = {*best, folded.beta, {}, Relation::related, folded};
    }

    [[nodiscard]] std::uint64_t exact_biases(std::size_t i, const FoldedNorm& folded,
                                             std::uint64_t channels) const {
        const auto samples = std::min(channels, checked_channels);
        std::uint64_t exact = 0;
        for (std::uint64_t sample = 0; sample < samples; ++sample) {
            const auto channel = sample_index(sample, samples, channels);
            const auto wanted =
                fold_channel(channel_of(folded, channel), folded.formula, folded.epsilon).bias;
            exact += wanted == number(new_, i, channel) ? 1 : 0;
        }
        return exact;
    }

    const MatchSide& old_;
    const MatchSide& new_;
    std::vector<TensorMatch>& matches_;
    std::vector<NormTensors> norms_;
    std::vector<bool> used_;
};

}  // namespace

void find_folded_norms(const MatchSide& old_side, const MatchSide& new_side,
                       std::vector<TensorMatch>& matches) {
    FoldFinder(old_side, new_side, matches).run();
}

}  // namespace strandline::delta
