#include "delta/encode/lzma_models.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "delta/number/log2.h"

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

LzmaGuess guess_of(const Bytes& sample) {
    LzmaGuess best;
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

// Entropy of bytes by their place within words of `word` bytes; in bytes.
double entropy_of(ByteSpan sample, std::size_t word) {
    constexpr std::size_t values = 256;
    double bits = 0;
    for (std::size_t place = 0; place < word; ++place) {
        std::array<std::uint32_t, values> counts{};
        std::uint32_t total = 0;
        for (std::size_t i = place; i < sample.size(); i += word, ++total)
            ++counts[static_cast<std::size_t>(sample[i])];
        for (const auto count : counts) {
            if (count > 0) bits += count * number::log2_of(static_cast<double>(total) / count);
        }
    }
    return bits / 8;
}

// Share of the words of four bytes that stand further in front, too.
double repeated_share(ByteSpan sample) {
    constexpr std::size_t word = sizeof(std::uint32_t);
    std::vector<std::uint32_t> words;
    for (std::size_t i = 0; i + word <= sample.size(); i += word)
        words.push_back(load_le<std::uint32_t>(sample.subspan(i, word)));
    if (words.empty()) return 1;
    const auto all = static_cast<double>(words.size());
    std::ranges::sort(words);
    const auto repeats = std::ranges::unique(words).size();
    return static_cast<double>(repeats) / all;
}

// About the least that LZMA makes of a sample: matches cost nothing, the rest what it is rare.
double bytes_expected(ByteSpan sample) {
    double least = static_cast<double>(sample.size());
    for (const std::size_t word : {1, 2, 4}) least = std::min(least, entropy_of(sample, word));
    return least * (1 - repeated_share(sample));
}

}  // namespace

LzmaGuess guess_lzma(ByteSpan bytes, std::size_t sample_bytes) {
    return guess_of(samples_of(bytes, sample_bytes));
}

bool lzma_may_reach(ByteSpan bytes, std::size_t sample_bytes, double share) {
    // What stands nearby tells a little more than frequencies do.
    constexpr double allowance = 1.1;
    const Bytes sample = samples_of(bytes, sample_bytes);
    if (share <= 0 ||
        static_cast<double>(sample.size()) * share * allowance < bytes_expected(sample))
        return false;
    return guess_of(sample).share < share;
}

}  // namespace strandline::delta
