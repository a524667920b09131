#include "delta/layout/match_side.h"

#include <algorithm>

#include "delta/layout/content_hash.h"
#include "delta/layout/reader.h"

namespace strandline::delta {

MatchSide::MatchSide(const Layout& layout, ByteSpan file, std::uint64_t samples)
    : layout_(layout),
      file_(file),
      samples_(samples),
      fingerprints_(size()),
      hashes_(size()),
      signs_(size()) {}

ByteSpan MatchSide::bytes(std::size_t index) const {
    return slice(file_, tensor(index).offset, tensor(index).bytes);
}

std::uint64_t MatchSide::elements(std::size_t index) const {
    return tensor(index).bytes / element_size(tensor(index).type);
}

std::uint64_t MatchSide::samples(std::size_t index) const {
    return std::min(samples_, elements(index));
}

std::vector<std::uint64_t> MatchSide::squeezed_shape(std::size_t index) const {
    auto shape = tensor(index).shape;
    std::erase(shape, std::uint64_t{1});
    return shape;
}

std::uint64_t MatchSide::fingerprint(std::size_t index) {
    auto& known = fingerprints_[index];
    if (!known) known = delta::fingerprint(bytes(index));
    return *known;
}

std::uint64_t MatchSide::hash(std::size_t index) {
    auto& known = hashes_[index];
    if (!known) known = content_hash(bytes(index));
    return *known;
}

const SignSamples& MatchSide::signs(std::size_t index) {
    auto& known = signs_[index];
    if (!known) {
        std::vector<std::optional<double>> numbers(static_cast<std::size_t>(samples(index)));
        for (std::size_t i = 0; i < numbers.size(); ++i) {
            numbers[i] =
                number_at(tensor(index), file_, sample_index(i, numbers.size(), elements(index)));
        }
        known = sign_samples(numbers);
    }
    return *known;
}

}  // namespace strandline::delta
