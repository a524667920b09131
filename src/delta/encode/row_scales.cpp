#include "delta/encode/row_scales.h"

#include <algorithm>
#include <cmath>

#include "delta/number/load_number.h"
#include "delta/number/log2.h"
#include "delta/number/number_coder.h"
#include "delta/number/predict.h"
#include "delta/number/rescaled_coder.h"

namespace strandline::delta {
namespace {

// Factors are kept for all rows.
constexpr std::uint64_t max_kept_rows = std::uint64_t{1} << 20;

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
    const std::uint64_t one = element_size(type);
    const std::uint64_t rows = new_numbers.size() / one / columns;
    if (rows > max_kept_rows) return std::nullopt;
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

namespace {

// How many bits shorter differences get by factors of rows, or of columns: of the mean one.
class Gain {
public:
    void add(double before, double after) {
        // What is zero before cannot get better, and what is zero after is as good as rounding.
        constexpr double least = 1e-9;
        before_ *= std::abs(before) + least;
        after_ *= std::abs(after) + least;
        ++count_;
        // One logarithm for many: no factor is beyond 2^-30 and 2^129.
        constexpr double far = 0x1p400;
        if (before_ > far || before_ < 1 / far || after_ > far || after_ < 1 / far) take_products();
    }
    [[nodiscard]] bool worthwhile(double cost) {
        take_products();
        return count_ > 0 && bits_ / static_cast<double>(count_) > cost;
    }

private:
    void take_products() {
        bits_ += number::log2_of(before_ / after_);
        before_ = after_ = 1;
    }

    double bits_ = 0;
    double before_ = 1;
    double after_ = 1;
    std::uint64_t count_ = 0;
};

struct Gains {
    Gain rows;
    Gain columns;
};

// Which numbers of a table are looked at.
struct Stride {
    std::uint64_t row_step = 1;
    std::uint64_t column_step = 1;

    static Stride of(std::uint64_t rows, std::uint64_t columns, std::uint64_t most_rows,
                     std::uint64_t most_columns) {
        return {(rows + most_rows - 1) / most_rows, (columns + most_columns - 1) / most_columns};
    }
};

std::vector<float> factors_of(const std::vector<Fit>& fits) {
    std::vector<float> factors;
    for (const auto& fit : fits) {
        const auto factor = static_cast<float>(fit.factor());
        factors.push_back(std::isfinite(factor) ? factor : 1.0F);
    }
    return factors;
}

template <ElementType type>
RoughScales rough_scales(ByteSpan new_numbers, ByteSpan old_numbers, std::uint64_t columns) {
    constexpr std::uint64_t sampled_rows = 96;
    constexpr std::uint64_t max_columns = 8192;
    constexpr std::uint64_t max_rows = 256u << 10;  // of a long table, rows hardly differ
    constexpr std::uint64_t least = 8;
    const std::uint64_t one = element_size(type);
    const std::uint64_t rows = columns == 0 ? 0 : new_numbers.size() / one / columns;
    if (columns < least || rows < least || columns > max_columns || rows > max_rows) return {};
    const auto walk = [&](const Stride& stride, const auto& work) {
        for (std::uint64_t row = 0; row < rows; row += stride.row_step) {
            for (std::uint64_t column = 0; column < columns; column += stride.column_step) {
                const auto at = static_cast<std::size_t>((row * columns + column) * one);
                work(row, column, number::load_number<type>(old_numbers.data() + at),
                     number::load_number<type>(new_numbers.data() + at));
            }
        }
    };
    std::vector<Fit> by_row(rows);
    std::vector<Fit> by_column(columns);
    const auto fit = [&](std::uint64_t row, std::uint64_t column, double old, double next) {
        by_row[row].add(old, next);
        by_column[column].add(old, next);
    };
    const auto fit_to = [&](const Stride& stride) {
        std::ranges::fill(by_row, Fit{});
        std::ranges::fill(by_column, Fit{});
        walk(stride, fit);
    };
    const auto look = [&](const Stride& stride) {
        fit_to(stride);
        Gains gains;
        walk(stride, [&](std::uint64_t row, std::uint64_t column, double old, double next) {
            if (!std::isfinite(old) || !std::isfinite(next)) return;
            gains.rows.add(next - old, next - old * by_row[row].factor());
            gains.columns.add(next - old, next - old * by_column[column].factor());
        });
        return gains;
    };
    // A factor takes four bytes, and fits the numbers that it is made of too well.
    constexpr double least_gain = 0.05;
    const auto cost_of = [](std::uint64_t numbers) {
        return least_gain + 33.0 / static_cast<double>(numbers);
    };
    // Mostly there is nothing, and few numbers show it.
    auto glance = look(Stride::of(rows, columns, 32, 128));
    if (!glance.rows.worthwhile(least_gain / 2) && !glance.columns.worthwhile(least_gain))
        return {};
    const Stride stride = Stride::of(rows, columns, sampled_rows, columns);
    auto gains = look(stride);
    const bool rows_help = gains.rows.worthwhile(cost_of(columns));
    const bool columns_help = gains.columns.worthwhile(cost_of(std::min(rows, sampled_rows)));
    if (!rows_help && !columns_help) return {};
    if (stride.row_step > 1) fit_to(Stride{});
    RoughScales scales;
    if (rows_help) scales.rows = factors_of(by_row);
    if (columns_help) scales.columns = factors_of(by_column);
    return scales;
}

}  // namespace

RoughScales find_rough_scales(ElementType type, ByteSpan new_numbers, ByteSpan old_numbers,
                              std::uint64_t columns) {
    switch (type) {
        case ElementType::f32:
            return rough_scales<ElementType::f32>(new_numbers, old_numbers, columns);
        case ElementType::f16:
            return rough_scales<ElementType::f16>(new_numbers, old_numbers, columns);
        case ElementType::bf16:
            return rough_scales<ElementType::bf16>(new_numbers, old_numbers, columns);
        default:
            return {};
    }
}

namespace {

Fit fit_bytes(ByteSpan new_numbers, ByteSpan old_numbers) {
    // Sums of so many products fit 32 bits.
    constexpr std::size_t most = 64u << 10;
    Fit fit;
    for (std::size_t begin = 0; begin < new_numbers.size(); begin += most) {
        const std::size_t end = std::min(new_numbers.size(), begin + most);
        std::int32_t old_old = 0;
        std::int32_t old_new = 0;
        std::int32_t new_new = 0;
        for (std::size_t i = begin; i < end; ++i) {
            const auto old = static_cast<std::int8_t>(old_numbers[i]);
            const auto next = static_cast<std::int8_t>(new_numbers[i]);
            old_old += old * old;
            old_new += old * next;
            new_new += next * next;
        }
        fit.old_old += old_old;
        fit.old_new += old_new;
        fit.new_new += new_new;
    }
    return fit;
}

}  // namespace

std::optional<std::vector<std::int16_t>> find_row_ratios(ByteSpan new_numbers, ByteSpan old_numbers,
                                                         std::uint64_t columns,
                                                         const std::function<bool()>& stopped) {
    if (columns < 8) return std::nullopt;
    const std::uint64_t rows = new_numbers.size() / columns;
    if (rows > max_kept_rows) return std::nullopt;
    constexpr std::uint64_t stride = std::uint64_t{4} << 20;  // between two questions
    std::uint64_t looked_at = 0;
    constexpr double one = 1 << number::ratio_bits;
    std::vector<std::int16_t> ratios;
    double total = 0;
    double unexplained = 0;
    for (std::uint64_t row = 0; row < rows; ++row, looked_at += columns) {
        if (looked_at >= stride) {
            if (stopped()) return std::nullopt;
            looked_at = 0;
        }
        const Fit fit = fit_bytes(new_numbers.subspan(row * columns, columns),
                                  old_numbers.subspan(row * columns, columns));
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
