#include "base/random.h"

#include <array>
#include <openssl/rand.h>

namespace strandline {
namespace {

class SystemRandom final : public Random {
public:
    void fill(std::span<std::byte> out) override {
        STRANDLINE_ASSERT(RAND_bytes(reinterpret_cast<unsigned char*>(out.data()),
                                     static_cast<int>(out.size())) == 1);
    }
};

std::uint64_t next_word(Random& random) {
    std::array<std::byte, 8> buffer{};
    random.fill(buffer);
    return load_le<std::uint64_t>(buffer);
}

}  // namespace

double Random::uniform() {
    // 53 bits fill the mantissa exactly, so 1.0 cannot come out.
    return static_cast<double>(next_word(*this) >> 11) * 0x1.0p-53;
}

std::uint64_t Random::below(std::uint64_t bound) {
    if (bound == 0) return 0;
    // Reject the incomplete last range, else small values would be likelier.
    const std::uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
    for (;;) {
        const std::uint64_t word = next_word(*this);
        if (word < limit) return word % bound;
    }
}

Random& system_random() {
    static SystemRandom random;
    return random;
}

void SeededRandom::fill(std::span<std::byte> out) {
    // splitmix64 (Steele, Lea, Flood 2014).
    for (std::byte& byte : out) {
        state_ += 0x9e3779b97f4a7c15U;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
        byte = static_cast<std::byte>((z ^ (z >> 31)) & 0xff);
    }
}

}  // namespace strandline
