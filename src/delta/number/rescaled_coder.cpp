#include "delta/number/rescaled_coder.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "delta/number/symbol_reader.h"

namespace strandline::delta::number {
namespace {

constexpr int one_ratio = 1 << ratio_bits;
constexpr unsigned places = 16;  // of the expected value between two integers
constexpr unsigned levels = 15;  // of the mean error
constexpr unsigned escape = 15;
constexpr int longest = 7;

// Follows the mean error, in 1/256.
class ErrorLevel {
public:
    [[nodiscard]] unsigned level() const {
        unsigned level = 0;
        for (const int limit : limits) level += mean_ >= limit * fine ? 1 : 0;
        return level;
    }
    void learn(int error) { mean_ += ((std::min(error, most) << 8) * fine - mean_) >> 5; }

private:
    static constexpr int fine = 32;
    static constexpr int most = 64;
    static constexpr std::array<int, levels - 1> limits{24,  48,  80,  112,  152,  200,  264,
                                                        360, 512, 720, 1024, 1448, 2048, 4096};
    int mean_ = 128 * fine;
};

// Lowest bits of a difference that are not worth a symbol, by level.
constexpr std::array<unsigned, levels> low_bits{0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 3, 4};

template <class Io>
class RescaledKernel {
public:
    RescaledKernel(NumberModel& model, Io& io) : model_(&model), io_(&io) {}

    template <unsigned Lane>
    [[gnu::always_inline]] inline std::int8_t code(std::int8_t next, std::int8_t old, int ratio) {
        ErrorLevel& level = level_;
        const int exact = int{old} * (one_ratio + ratio) + one_ratio / 2;
        const int expected = exact >> ratio_bits;
        // Half of the places are mirrors of the others.
        auto place = static_cast<unsigned>(exact >> (ratio_bits - 4)) % places;
        const bool flip = place >= places / 2;
        if (flip) place = places - 1 - place;
        const auto away = [flip](int from, int to) { return flip ? from - to : to - from; };
        const unsigned now = level.level();
        const unsigned low = low_bits[now];
        const std::size_t context = now * (places / 2) + place;
        unsigned symbol = 0;
        if constexpr (Io::writes) {
            const int offset = (away(expected, next) >> low) + longest;
            symbol = offset >= 0 && offset < static_cast<int>(escape)
                         ? static_cast<unsigned>(offset)
                         : escape;
        }
        symbol = io_->template symbol<SimdCdf, Lane>(
            model_->size.cdf[context], model_->size.learner[context].next_rate(), symbol);
        if (symbol == escape) {
            next = static_cast<std::int8_t>(io_->bits(8, static_cast<std::uint8_t>(next)));
        } else {
            const int high = static_cast<int>(symbol) - longest;
            const auto rest = static_cast<std::uint64_t>(away(expected, next)) & ((1u << low) - 1);
            const int distance = high * (1 << low) + static_cast<int>(io_->bits(low, rest));
            next = static_cast<std::int8_t>(flip ? expected - distance : expected + distance);
        }
        level.learn(std::abs(next - expected));
        return next;
    }

private:
    NumberModel* model_;
    Io* io_;
    ErrorLevel level_;
};

// Calls `work` for each number with its row's ratio; numbers take turns in two states.
template <class Work>
bool walk(std::size_t count, const Grid& grid, std::span<const std::int16_t> ratios,
          const Work& work) {
    std::uint64_t column = grid.phase;
    std::size_t row = 0;
    for (std::size_t i = 0; i < count; ++i, ++column) {
        if (column == grid.columns) {
            column = 0;
            ++row;
        }
        if (!work(i, ratios[row])) return false;
    }
    return true;
}

}  // namespace

void encode_rescaled(ByteSpan numbers, ByteSpan old_numbers, const Grid& grid,
                     std::span<const std::int16_t> ratios, NumberModel& model, SymbolWriter& writer,
                     Bytes& out) {
    RescaledKernel<SymbolWriter> kernel(model, writer);
    walk(numbers.size(), grid, ratios, [&](std::size_t i, int ratio) {
        const auto next = static_cast<std::int8_t>(numbers[i]);
        const auto old = static_cast<std::int8_t>(old_numbers[i]);
        if (i % 2 == 0) {
            kernel.template code<0>(next, old, ratio);
        } else {
            kernel.template code<1>(next, old, ratio);
        }
        return true;
    });
    writer.finish(out);
}

Status decode_rescaled(ByteSpan streams, ByteSpan old_numbers, const Grid& grid,
                       std::span<const std::int16_t> ratios, NumberModel& model,
                       std::span<std::byte> numbers) {
    constexpr std::size_t chunk = 128;
    SymbolReader reader;
    TRY(reader.open(streams));
    RescaledKernel<SymbolReader> kernel(model, reader);
    const bool whole = walk(numbers.size(), grid, ratios, [&](std::size_t i, int ratio) {
        if (i % chunk == 0 && !reader.more()) return false;
        const auto old = static_cast<std::int8_t>(old_numbers[i]);
        numbers[i] = static_cast<std::byte>(i % 2 == 0 ? kernel.template code<0>(0, old, ratio)
                                                       : kernel.template code<1>(0, old, ratio));
        return true;
    });
    if (!whole || !reader.more() || !reader.complete())
        return fail(Errc::corrupt, "delta has damaged numbers");
    return {};
}

}  // namespace strandline::delta::number
