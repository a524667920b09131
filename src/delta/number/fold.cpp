#include "delta/number/fold.h"

#include <bit>
#include <cfloat>
#include <cmath>

#include "delta/number/number_format.h"
#include "delta/number/rounding.h"

namespace strandline::delta::number {
namespace {

// On x86 of 32 bits: -msse2 -mfpmath=sse. The old unit of it rounds to 80 bits in between.
static_assert(FLT_EVAL_METHOD == 0, "each operation must be rounded to its own type");

// What one fp32 operation gives comes out of one in double that is rounded to fp32 (Figueroa,
// 1995), and no compiler can melt two of them into one.
float sum(float a, float b) { return rounded32(double{a} + double{b}); }
float product(float a, float b) { return rounded32(double{a} * double{b}); }
float quotient(float a, float b) {
    // Division by zero is infinity in IEEE 754, but undefined in C++.
    if (b == 0) return rounded32(a == 0 || std::isnan(a) ? NAN : a > 0 ? INFINITY : -INFINITY);
    return rounded32(double{a} / double{b});
}
float root(float a) { return rounded32(a < 0 ? NAN : std::sqrt(double{a})); }

float load(const std::byte* at) { return std::bit_cast<float>(load_word<std::uint32_t>(at)); }
void store(std::byte* at, float value) { store_word(at, std::bit_cast<std::uint32_t>(value)); }

// The arrays of one channel.
class Channel {
public:
    Channel(const NormFold& fold, ByteSpan arrays, std::uint64_t channel)
        : fold_(&fold), arrays_(arrays), channel_(channel) {
        const float deviation = root(sum(array(1), fold.epsilon));
        root_ = fold.reciprocal ? quotient(1, deviation) : 1;
        scale_ = fold.reciprocal ? product(array(0), root_) : quotient(array(0), deviation);
    }
    [[nodiscard]] float weight(float old) const { return product(old, scale_); }
    [[nodiscard]] float bias(float beta) const {
        const float centred = sum(fold_->has_bias ? array(3) : 0, -array(2));
        if (!fold_->reciprocal) return sum(product(centred, scale_), beta);
        return sum(product(product(centred, root_), array(0)), beta);
    }

private:
    [[nodiscard]] float array(std::uint64_t which) const {
        const auto index = which * fold_->channels + channel_;
        return load(arrays_.data() + static_cast<std::size_t>(index) * sizeof(float));
    }

    const NormFold* fold_;
    ByteSpan arrays_;
    std::uint64_t channel_;
    float root_ = 1;
    float scale_ = 1;
};

}  // namespace

void fold_norm(std::span<std::byte> numbers, const Grid& grid, const NormFold& fold,
               ByteSpan arrays) {
    std::uint64_t column = grid.phase;
    std::uint64_t channel = fold.first;
    Channel now(fold, arrays, channel);
    for (std::size_t at = 0; at + sizeof(float) <= numbers.size(); at += sizeof(float), ++column) {
        if (column == grid.columns) {
            column = 0;
            channel = channel + 1 == fold.channels ? 0 : channel + 1;
            now = Channel(fold, arrays, channel);
        }
        std::byte* number = numbers.data() + at;
        const float old = load(number);
        store(number, fold.is_bias ? now.bias(old) : now.weight(old));
    }
}

}  // namespace strandline::delta::number
