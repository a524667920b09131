#include "delta/encode/lzma_models.h"

#include <algorithm>
#include <array>

namespace strandline::delta {
namespace {

constexpr std::size_t max_samples = 3;
// Text; bytes; words of four bytes, two bytes; text in words.
constexpr std::array<LzmaModel, 5> models{{{3, 0, 0}, {0, 0, 0}, {0, 2, 2}, {0, 1, 1}, {3, 0, 2}}};

Bytes samples_of(ByteSpan bytes, std::size_t sample_bytes) {
    if (bytes.size() <= sample_bytes) return {bytes.begin(), bytes.end()};
    Bytes sample;
    // Whole words: models look at positions.
    const std::size_t length = sample_bytes / max_samples / 4 * 4;
    const std::size_t distance = (bytes.size() - length) / (max_samples - 1) / 4 * 4;
    for (std::size_t i = 0; i < max_samples; ++i) {
        const auto part = bytes.subspan(i * distance, length);
        sample.insert(sample.end(), part.begin(), part.end());
    }
    return sample;
}

}  // namespace

LzmaGuess guess_lzma(ByteSpan bytes, std::size_t sample_bytes) {
    LzmaGuess best;
    const Bytes sample = samples_of(bytes, sample_bytes);
    if (sample.empty()) return best;
    std::size_t smallest = sample.size() + sample.size() / 16;
    for (const auto& model : models) {
        const auto coded = lzma_encode(sample, {}, model, smallest, LzmaEffort::some);
        if (coded.empty()) continue;
        smallest = coded.size();
        best.model = model;
    }
    best.share = static_cast<double>(smallest) / static_cast<double>(sample.size());
    return best;
}

}  // namespace strandline::delta
