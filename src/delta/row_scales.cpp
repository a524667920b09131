#include "delta/row_scales.h"

#include <algorithm>
#include <cmath>

#include "delta/number/number_coder.h"
#include "delta/number/predict.h"
#include "delta/number/rescaled_coder.h"

namespace strandline::delta {
namespace {

// Sums over one row that tell the factor and how well it fits.
struct Fit {
    double old_old = 0;
    double old_new = 0;
    double new_new = 0;

    void add(double old, double next) {
        if (!std::isfinite(old) || !std::isfinite(next)) return;
        old_old += old * old;
        old_new += old * next;
        new_new += next * next;
    }
    [[nodiscard]] double factor() const { return old_old > 0 ? old_new / old_old : 1; }
    // Share of the new row that the factor does not explain.
    [[nodiscard]] double rest() const {
        return new_new > 0 ? std::max(0.0, new_new - factor() * old_new) / new_new : 0;
    }
};

}  // namespace

std::optional<std::vector<float>> find_row_scales(ElementType type, ByteSpan new_numbers,
                                                  ByteSpan old_numbers, std::uint64_t columns) {
    if (!number::can_predict(type) || columns < 2) return std::nullopt;
    const std::uint64_t one = number::number_bytes(type);
    const std::uint64_t rows = new_numbers.size() / one / columns;
    // What rounding leaves unexplained; a fine-tune leaves more, or has factors close to one.
    const double well = type == ElementType::f32 ? 1e-11 : 1e-5;
    constexpr double least_change = 0.01;
    std::vector<float> scales;
    std::uint64_t fitting = 0;
    for (std::uint64_t row = 0; row < rows; ++row) {
        Fit fit;
        for (std::uint64_t at = row * columns * one; at < (row + 1) * columns * one; at += one) {
            fit.add(number::value_at(type, old_numbers.data() + at),
                    number::value_at(type, new_numbers.data() + at));
        }
        const auto scale = static_cast<float>(fit.factor());
        scales.push_back(std::isfinite(scale) ? scale : 1.0F);
        fitting += fit.rest() < well && std::abs(fit.factor() - 1) > least_change ? 1 : 0;
        // The first rows show it.
        constexpr std::uint64_t enough = 8;
        if (row + 1 >= enough && fitting < (row + 1) / 2) return std::nullopt;
    }
    if (rows == 0 || fitting * 2 < rows) return std::nullopt;
    return scales;
}

std::optional<std::vector<std::int16_t>> find_row_ratios(ByteSpan new_numbers, ByteSpan old_numbers,
                                                         std::uint64_t columns) {
    if (columns < 8) return std::nullopt;
    const std::uint64_t rows = new_numbers.size() / columns;
    constexpr double one = 1 << number::ratio_bits;
    std::vector<std::int16_t> ratios;
    double total = 0;
    double unexplained = 0;
    for (std::uint64_t row = 0; row < rows; ++row) {
        Fit fit;
        for (std::uint64_t at = row * columns; at < (row + 1) * columns; ++at) {
            fit.add(static_cast<std::int8_t>(old_numbers[at]),
                    static_cast<std::int8_t>(new_numbers[at]));
        }
        const double ratio = std::round(one * (fit.factor() - 1));
        ratios.push_back(static_cast<std::int16_t>(std::clamp(ratio, 1 - one, 7 * one)));
        total += fit.new_new;
        unexplained += fit.new_new * fit.rest();
    }
    constexpr double most_unexplained = 0.2;
    if (rows == 0 || unexplained > most_unexplained * total) return std::nullopt;
    return ratios;
}

}  // namespace strandline::delta
