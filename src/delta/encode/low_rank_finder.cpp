#include "delta/encode/low_rank_finder.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "delta/number/load_number.h"
#include "delta/number/number_coder.h"
#include "delta/number/predict.h"

namespace strandline::delta {
namespace {

constexpr std::uint64_t min_side = 48;
constexpr std::uint64_t sample_rows = 80;
constexpr std::uint64_t sample_columns = 96;
constexpr std::uint64_t max_numbers = std::uint64_t{1} << 26;
// Factors that a reader holds at a time: rows of a block and all columns.
constexpr std::uint64_t max_factors = std::uint64_t{48} << 10;
// Those of all rows are held while encoding.
constexpr std::uint64_t max_left = std::uint64_t{1} << 20;

using Row = std::vector<double>;

// Differences of two matrices, row by row.
class Difference {
public:
    Difference(ElementType type, ByteSpan new_numbers, ByteSpan old_numbers, std::uint64_t columns)
        : type_(type), new_(new_numbers), old_(old_numbers), columns_(columns) {
        one_ = element_size(type);
        rows_ = new_.size() / one_ / columns;
    }
    [[nodiscard]] std::uint64_t rows() const { return rows_; }
    [[nodiscard]] std::uint64_t columns() const { return columns_; }

    // One row, or `count` numbers spread over it.
    void read(std::uint64_t row, Row& out) const { read(row, out, columns_); }
    void read(std::uint64_t row, Row& out, std::uint64_t count) const {
        if (type_ == ElementType::f32) return read_as<ElementType::f32>(row, out, count);
        if (type_ == ElementType::f16) return read_as<ElementType::f16>(row, out, count);
        read_as<ElementType::bf16>(row, out, count);
    }
    // Mean square of what rounding both matrices to their type does to a row.
    [[nodiscard]] double rounding_energy(std::uint64_t row) const {
        return rounding_energy(row, columns_);
    }
    [[nodiscard]] double rounding_energy(std::uint64_t row, std::uint64_t count) const {
        const int digits = type_ == ElementType::f32 ? 24 : type_ == ElementType::f16 ? 11 : 8;
        const std::byte* a = new_.data() + row * columns_ * one_;
        const std::uint64_t stride = columns_ / count * one_;
        double sum = 0;
        for (std::size_t i = 0; i < count; ++i, a += stride) {
            const double step = std::ldexp(number::value_at(type_, a), -digits);
            sum += std::isfinite(step) ? step * step : 0;
        }
        return sum / 3;
    }

private:
    template <ElementType type>
    void read_as(std::uint64_t row, Row& out, std::uint64_t count) const {
        constexpr std::uint64_t one = element_size(type);
        const std::byte* a = new_.data() + row * columns_ * one;
        const std::byte* b = old_.data() + row * columns_ * one;
        out.resize(count);
        const auto read_every = [&](std::uint64_t step) {
            for (std::size_t i = 0; i < count; ++i) {
                const double value = number::load_number<type>(a + i * step) -
                                     number::load_number<type>(b + i * step);
                out[i] = std::abs(value) <= std::numeric_limits<double>::max() ? value : 0;
            }
        };
        // A step that is known makes vectors.
        if (count == columns_)
            read_every(one);
        else
            read_every(columns_ / count * one);
    }

    ElementType type_;
    ByteSpan new_;
    ByteSpan old_;
    std::uint64_t columns_;
    std::uint64_t one_ = 1;
    std::uint64_t rows_ = 0;
};

// Several sums at a time, which compilers make vectors of.
constexpr std::size_t lanes = 8;

double dot(const Row& a, const Row& b) {
    std::array<double, lanes> sums{};
    const std::size_t whole = a.size() / lanes * lanes;
    for (std::size_t i = 0; i < whole; i += lanes) {
        for (std::size_t k = 0; k < lanes; ++k) sums[k] += a[i + k] * b[i + k];
    }
    double sum = 0;
    for (std::size_t i = whole; i < a.size(); ++i) sum += a[i] * b[i];
    for (const double part : sums) sum += part;
    return sum;
}

void add_scaled(Row& a, double factor, const Row& b) {
    const std::size_t whole = a.size() / lanes * lanes;
    for (std::size_t i = 0; i < whole; i += lanes) {
        for (std::size_t k = 0; k < lanes; ++k) a[i + k] += factor * b[i + k];
    }
    for (std::size_t i = whole; i < a.size(); ++i) a[i] += factor * b[i];
}

// An orthonormal basis of the rows, largest first, down to the noise; empty when it does not end
// well before the rows do.
std::vector<Row> basis_of(std::vector<Row> rows, double noise) {
    const std::size_t most = std::min<std::size_t>(number::LowRank::max_rank, rows.size() / 2);
    std::vector<Row> basis;
    while (basis.size() <= most) {
        std::size_t largest = 0;
        double energy = -1;
        double total = 0;
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const double own = dot(rows[i], rows[i]);
            total += own;
            if (own > energy) {
                energy = own;
                largest = i;
            }
        }
        constexpr double allowance = 4;
        if (total <= allowance * noise) return basis;
        if (basis.size() == most || energy <= 0) return {};
        Row next = rows[largest];
        const double length = std::sqrt(energy);
        for (auto& value : next) value /= length;
        for (auto& row : rows) add_scaled(row, -dot(row, next), next);
        basis.push_back(std::move(next));
    }
    return {};
}

void orthonormalise(std::vector<Row>& rows) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
        for (int pass = 0; pass < 2; ++pass) {
            for (std::size_t j = 0; j < i; ++j)
                add_scaled(rows[i], -dot(rows[i], rows[j]), rows[j]);
        }
        const double length = std::sqrt(dot(rows[i], rows[i]));
        if (length > 0) {
            for (auto& value : rows[i]) value /= length;
        }
    }
}

// Rows that are worked on between two looks at whether to stop.
constexpr std::uint64_t looked_rows = 256;

// Left factors for a given orthonormal basis of the rows: their coordinates, one row after the
// other.
Row coordinates(const Difference& difference, const std::vector<Row>& basis,
                const std::function<bool()>& stopped) {
    Row left;
    left.reserve(difference.rows() * basis.size());
    Row row;
    for (std::uint64_t i = 0; i < difference.rows(); ++i) {
        if (i % looked_rows == 0 && stopped && stopped()) return {};
        difference.read(i, row);
        for (const auto& direction : basis) left.push_back(dot(row, direction));
    }
    return left;
}

// One step of subspace iteration: the basis that fits every row of so many.
void improve(const Difference& difference, std::vector<Row>& basis, std::uint64_t every,
             const std::function<bool()>& stopped) {
    std::vector<Row> next(basis.size(), Row(difference.columns(), 0));
    Row row;
    for (std::uint64_t i = 0; i < difference.rows(); i += every) {
        if (i % looked_rows == 0 && stopped && stopped()) return;
        difference.read(i, row);
        for (std::size_t k = 0; k < basis.size(); ++k) add_scaled(next[k], dot(row, basis[k]), row);
    }
    orthonormalise(next);
    basis = std::move(next);
}

// More digits cost more than they explain where the numbers themselves are coarse.
int digits_for(ElementType type) {
    if (type == ElementType::f32) return 27;
    return type == ElementType::f16 ? 18 : 15;
}

Factors as_integers(ElementType type, const Row& left, const std::vector<Row>& basis) {
    Factors factors;
    factors.rank = static_cast<unsigned>(basis.size());
    factors.columns = basis[0].size();
    // Both sides of a term get the same largest number, so that they need the same digits.
    Row balance(factors.rank);
    double largest = 0;
    for (unsigned k = 0; k < factors.rank; ++k) {
        double most_left = 0;
        double most_right = 0;
        for (std::size_t i = k; i < left.size(); i += factors.rank)
            most_left = std::max(most_left, std::abs(left[i]));
        for (const auto value : basis[k]) most_right = std::max(most_right, std::abs(value));
        balance[k] = most_left > 0 && most_right > 0 ? std::sqrt(most_right / most_left) : 0;
        largest = std::max(largest, std::sqrt(most_left * most_right));
    }
    int exponent = 0;
    std::frexp(largest, &exponent);
    const int digits = digits_for(type) - 1 - exponent;
    factors.shift = 2 * digits;
    const auto rounded = [&](double value) {
        return static_cast<std::int32_t>(std::llround(std::ldexp(value, digits)));
    };
    factors.left.reserve(left.size());
    for (std::size_t i = 0; i < left.size(); ++i)
        factors.left.push_back(rounded(left[i] * balance[i % factors.rank]));
    for (unsigned k = 0; k < factors.rank; ++k) {
        for (const auto value : basis[k])
            factors.right.push_back(balance[k] > 0 ? rounded(value / balance[k]) : 0);
    }
    return factors;
}

// The basis of some rows, or of `columns` of their columns.
std::vector<Row> sample_basis(const Difference& difference, std::uint64_t columns) {
    std::vector<Row> sample;
    double noise = 0;
    const std::uint64_t count = std::min(sample_rows, difference.rows());
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint64_t row = i * difference.rows() / count;
        difference.read(row, sample.emplace_back(), columns);
        noise += difference.rounding_energy(row, columns);
    }
    return basis_of(std::move(sample), noise);
}

}  // namespace

std::optional<Factors> find_low_rank(ElementType type, ByteSpan new_numbers, ByteSpan old_numbers,
                                     std::uint64_t columns, const std::function<bool()>& stopped) {
    if (!number::can_predict(type) || columns < min_side ||
        old_numbers.size() != new_numbers.size())
        return std::nullopt;
    const Difference difference(type, new_numbers, old_numbers, columns);
    if (difference.rows() < min_side || difference.rows() * columns > max_numbers)
        return std::nullopt;
    // A thin product is thin in some of its columns, too, and these are soon looked at.
    if (columns > 2 * sample_columns && sample_basis(difference, sample_columns).empty())
        return std::nullopt;
    auto basis = sample_basis(difference, columns);
    if (basis.empty() || basis.size() * columns > max_factors ||
        basis.size() * difference.rows() > max_left)
        return std::nullopt;
    // Some rows bring it near, all of them as near as it gets.
    constexpr std::uint64_t few_rows = 256;
    const std::uint64_t every = std::max<std::uint64_t>(1, difference.rows() / few_rows);
    improve(difference, basis, every, stopped);
    improve(difference, basis, 1, stopped);
    const auto left = coordinates(difference, basis, stopped);
    if (left.empty()) return std::nullopt;
    Factors factors = as_integers(type, left, basis);
    if (factors.shift < 0 || factors.shift > 200) return std::nullopt;
    return factors;
}

}  // namespace strandline::delta
