#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"

namespace strandline {

/// Randomness as a parameter. Thread-safe.
class Random {
public:
    virtual ~Random() = default;
    virtual void fill(std::span<std::byte> out) = 0;
    /// Uniform in [0, 1).
    [[nodiscard]] double uniform();
    /// Uniform in [0, bound); 0 when bound is 0.
    [[nodiscard]] std::uint64_t below(std::uint64_t bound);
};

/// The operating system's generator, fit for keys. Lives as long as the process.
[[nodiscard]] Random& system_random();

/// A repeatable sequence for tests; never for keys.
class SeededRandom final : public Random {
public:
    explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
    void fill(std::span<std::byte> out) override;

private:
    std::uint64_t state_;
};

}  // namespace strandline
