#pragma once

#include <cmath>

namespace strandline::delta::number {

/// Binary logarithm of a number above 0, to about 14 digits. The same on every processor, unlike
/// std::log2(): what an encoder chooses hangs on it. 2 atanh((m - 1) / (m + 1)) / ln 2, as a
/// series.
[[nodiscard]] inline double log2_of(double value) {
    constexpr double root_of_half = 0.70710678118654752;
    constexpr double two_by_ln_2 = 2.8853900817779268;
    constexpr int terms = 9;
    int exponent = 0;
    double m = std::frexp(value, &exponent);
    if (m < root_of_half) {
        m *= 2;
        --exponent;
    }
    const double t = (m - 1) / (m + 1);
    double sum = 0;
    for (int k = terms - 1; k >= 0; --k) sum = sum * (t * t) + 1.0 / (2 * k + 1);
    return exponent + two_by_ln_2 * t * sum;
}

}  // namespace strandline::delta::number
