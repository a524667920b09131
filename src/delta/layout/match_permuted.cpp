#include <algorithm>
#include <numeric>

#include "delta/layout/match_side.h"

namespace strandline::delta {
namespace {

/// More axes have too many orders to try, and no weights have them.
constexpr std::size_t max_permuted_rank = 4;
/// Enough to see that an order is wrong.
constexpr std::uint64_t first_samples = 256;

std::vector<std::uint64_t> row_major_strides(const std::vector<std::uint64_t>& shape) {
    std::vector<std::uint64_t> strides(shape.size(), 1);
    for (std::size_t axis = shape.size(); axis-- > 1;) {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    return strides;
}

/// Where the element at `index` of the new tensor stands in the old one.
class OldIndex {
public:
    OldIndex(const Tensor& old_tensor, const Tensor& new_tensor,
             const std::vector<std::uint32_t>& permutation)
        : shape_(new_tensor.shape) {
        const auto strides = row_major_strides(old_tensor.shape);
        for (const auto axis : permutation) strides_.push_back(strides[axis]);
    }
    std::uint64_t operator()(std::uint64_t index) const {
        std::uint64_t result = 0;
        for (std::size_t axis = shape_.size(); axis-- > 0;) {
            result += index % shape_[axis] * strides_[axis];
            index /= shape_[axis];
        }
        return result;
    }

private:
    const std::vector<std::uint64_t>& shape_;
    std::vector<std::uint64_t> strides_;
};

bool fits(const Tensor& old_tensor, const Tensor& new_tensor,
          const std::vector<std::uint32_t>& permutation) {
    for (std::size_t axis = 0; axis < permutation.size(); ++axis) {
        if (new_tensor.shape[axis] != old_tensor.shape[permutation[axis]]) return false;
    }
    return true;
}

/// Orders that differ only in where axes of length 1 go are the same; the first stands for all.
bool moves_ones(const Tensor& old_tensor, const std::vector<std::uint32_t>& permutation) {
    std::uint32_t last = 0;
    for (const auto axis : permutation) {
        if (old_tensor.shape[axis] != 1) continue;
        if (axis < last) return true;
        last = axis;
    }
    return false;
}

}  // namespace

std::optional<PermutedMatch> best_permutation(MatchSide& old_side, std::size_t old_tensor,
                                              MatchSide& new_side, std::size_t new_tensor,
                                              std::uint64_t& budget) {
    const auto& old_one = old_side.tensor(old_tensor);
    const auto& new_one = new_side.tensor(new_tensor);
    const auto rank = new_one.shape.size();
    if (old_one.shape.size() != rank || rank < 2 || rank > max_permuted_rank) return std::nullopt;
    const auto elements = new_side.elements(new_tensor);
    const auto try_order = [&](const OldIndex& old_index, std::uint64_t samples) {
        budget -= std::min(budget, samples);
        // The same stretches as those of the signs that are known for the new tensor.
        const auto all = new_side.samples(new_tensor);
        std::vector<std::optional<double>> numbers(static_cast<std::size_t>(samples));
        for (std::size_t i = 0; i < numbers.size(); ++i) {
            const auto index = sample_index(i, all, elements);
            numbers[i] = number_at(old_one, old_side.file(), old_index(index));
        }
        auto result = agreement(sign_samples(numbers), new_side.signs(new_tensor));
        return result;
    };
    std::optional<PermutedMatch> best;
    std::vector<std::uint32_t> order(rank);
    std::iota(order.begin(), order.end(), 0U);
    while (std::next_permutation(order.begin(), order.end()) && budget > 0) {
        if (!fits(old_one, new_one, order) || moves_ones(old_one, order)) continue;
        const OldIndex old_index(old_one, new_one, order);
        const auto all = new_side.samples(new_tensor);
        auto found = try_order(old_index, std::min(all, first_samples));
        if (found.related() && all > first_samples) found = try_order(old_index, all);
        if (found.related() && (!best || found.share() > best->agreement.share())) {
            best = PermutedMatch{order, found};
        }
    }
    return best;
}

}  // namespace strandline::delta
