#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "base/bytes.h"
#include "base/random.h"

// Made-up weights for tests and benchmarks.
namespace strandline::delta {

/// Of the values that float_weights makes: like a trained layer's.
inline constexpr double weight_spread = 0.05;

/// One normal value (Box and Muller, 1958).
[[nodiscard]] inline double normal(Random& random) {
    const double radius = std::sqrt(-2 * std::log(1 - random.uniform()));
    return radius * std::cos(2 * std::numbers::pi * random.uniform());
}

[[nodiscard]] inline Bytes random_bytes(std::size_t size, std::uint64_t seed) {
    Bytes bytes(size);
    SeededRandom(seed).fill(bytes);
    return bytes;
}

/// `count` little-endian fp32 values.
[[nodiscard]] inline Bytes float_weights(std::size_t count, std::uint64_t seed) {
    SeededRandom random(seed);
    Bytes out;
    out.reserve(count * sizeof(float));
    for (std::size_t i = 0; i < count; ++i) {
        append_le(out,
                  std::bit_cast<std::uint32_t>(static_cast<float>(weight_spread * normal(random))));
    }
    return out;
}

/// The weights after a fine-tune: every value moved by about `amount` of their spread.
[[nodiscard]] inline Bytes fine_tuned(ByteSpan weights, double amount, std::uint64_t seed) {
    SeededRandom random(seed);
    Bytes out;
    out.reserve(weights.size());
    for (std::size_t i = 0; i < weights.size(); i += sizeof(float)) {
        const auto old =
            std::bit_cast<float>(load_le<std::uint32_t>(weights.subspan(i, sizeof(float))));
        append_le(out, std::bit_cast<std::uint32_t>(
                           static_cast<float>(old + amount * weight_spread * normal(random))));
    }
    return out;
}

/// The weights with about one in `every` of them changed.
[[nodiscard]] inline Bytes sparsely_changed(ByteSpan weights, std::size_t every,
                                            std::uint64_t seed) {
    SeededRandom random(seed);
    Bytes out(weights.begin(), weights.end());
    for (std::size_t at = 1; at < out.size(); at += 4 * (1 + random.below(2 * every - 1))) {
        out[at] ^= static_cast<std::byte>(1 + random.below(255));
    }
    return out;
}

}  // namespace strandline::delta
