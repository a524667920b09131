#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "delta/layout/sign_samples.h"
#include "delta/layout/tensor.h"

namespace strandline::delta {

/// The tensors of one file with what matching needs to know about them, worked out once and only
/// when asked. Layout and file are borrowed.
class MatchSide {
public:
    /// `samples`: signs that are looked at for each tensor.
    MatchSide(const Layout& layout, ByteSpan file, std::uint64_t samples);

    [[nodiscard]] std::size_t size() const { return layout_.tensors.size(); }
    [[nodiscard]] const Tensor& tensor(std::size_t index) const { return layout_.tensors[index]; }
    [[nodiscard]] const Layout& layout() const { return layout_; }
    [[nodiscard]] ByteSpan file() const { return file_; }
    [[nodiscard]] ByteSpan bytes(std::size_t index) const;
    [[nodiscard]] std::uint64_t elements(std::size_t index) const;
    [[nodiscard]] std::uint64_t samples(std::size_t index) const;

    /// The axes that are longer than 1.
    [[nodiscard]] std::vector<std::uint64_t> squeezed_shape(std::size_t index) const;

    [[nodiscard]] std::uint64_t fingerprint(std::size_t index);
    [[nodiscard]] std::uint64_t hash(std::size_t index);
    [[nodiscard]] const SignSamples& signs(std::size_t index);

private:
    const Layout& layout_;
    ByteSpan file_;
    std::uint64_t samples_;
    std::vector<std::optional<std::uint64_t>> fingerprints_;
    std::vector<std::optional<std::uint64_t>> hashes_;
    std::vector<std::optional<SignSamples>> signs_;
};

/// An axis order under which an old tensor has the shape of the new one, and how well it fits.
struct PermutedMatch {
    std::vector<std::uint32_t> permutation;
    Agreement agreement;
};

/// The best order of axes by the signs; nothing when none is related. Ranks must be equal. Each
/// look at a sample costs 1 of `budget`.
[[nodiscard]] std::optional<PermutedMatch> best_permutation(MatchSide& old_side,
                                                            std::size_t old_tensor,
                                                            MatchSide& new_side,
                                                            std::size_t new_tensor,
                                                            std::uint64_t& budget);

/// Looks among related weights for those that batch normalisation was folded into, and for their
/// biases, and completes their matches.
void find_folded_norms(const MatchSide& old_side, const MatchSide& new_side,
                       std::vector<TensorMatch>& matches);

}  // namespace strandline::delta
