#include <algorithm>
#include <array>
#include <cmath>

#include "delta/encode/mode_planner.h"
#include "delta/number/log2.h"

namespace strandline::delta {
namespace {

// Words looked at in a block, in groups that lie evenly over it.
constexpr std::size_t group_words = 64;
constexpr std::size_t max_groups = 12;
constexpr std::size_t max_samples = group_words * max_groups;
constexpr std::size_t values = 256;

}  // namespace

PlaneEstimator::PlaneEstimator()
    : n_log_n_(max_samples + 1), counts_(values * sizeof(std::uint64_t)) {
    for (std::size_t n = 1; n < n_log_n_.size(); ++n) {
        n_log_n_[n] = static_cast<double>(n) * number::log2_of(static_cast<double>(n));
    }
}

double PlaneEstimator::estimate(ByteSpan block, ByteSpan old, const PlaneMode& mode) {
    const std::size_t word = std::size_t{1} << mode.word_log;
    if (block.size() < mode.skip + word) return static_cast<double>(block.size());
    const std::size_t words = (block.size() - mode.skip) / word;
    const std::size_t groups = std::clamp<std::size_t>(words / group_words, 1, max_groups);
    const std::size_t per_group = std::min(words, group_words);
    const std::size_t distance = groups == 1 ? 0 : (words - per_group) / (groups - 1);

    std::ranges::fill(counts_, 0u);
    std::array<std::byte, group_words * sizeof(std::uint64_t)> planes{};
    for (std::size_t group = 0; group < groups; ++group) {
        const std::size_t start = mode.skip + group * distance * word;
        const std::size_t size = per_group * word;
        const auto before =
            mode.transform == Transform::none ? ByteSpan{} : old.subspan(start, size);
        split_planes(block.subspan(start, size), before, mode.transform, mode.word_log,
                     std::span(planes).first(size));
        for (std::size_t i = 0; i < size; ++i) {
            ++counts_[i / per_group * values + static_cast<std::size_t>(planes[i])];
        }
    }
    double bits = 0;
    for (std::size_t plane = 0; plane < word; ++plane) {
        bits += plane_bits(counts_.data() + plane * values, groups * per_group);
    }
    return bits / 8 * static_cast<double>(words);
}

// Entropy per byte, with the Miller-Madow correction (Miller, 1955) for the small sample.
double PlaneEstimator::plane_bits(const std::uint32_t* counts, std::size_t samples) const {
    double sum = 0;
    unsigned seen = 0;
    for (std::size_t value = 0; value < values; ++value) {
        sum += n_log_n_[counts[value]];
        seen += counts[value] > 0 ? 1 : 0;
    }
    constexpr double half_log2_e = 0.7213475204444817;  // 1 / (2 ln 2)
    const auto size = static_cast<double>(samples);
    const double bits = (n_log_n_[samples] - sum + half_log2_e * (seen - 1)) / size;
    return std::min(bits, 8.0);
}

}  // namespace strandline::delta
