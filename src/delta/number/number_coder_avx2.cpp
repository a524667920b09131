// The loops once more, for x86-64 processors with AVX2 and BMI2. Everything that is not a template
// of Avx2Cdf comes before the pragmas: other files use the same functions on any processor.
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "base/bytes.h"
#include "base/result.h"
#include "delta/number/lanes.h"
#include "delta/number/number_format.h"
#include "delta/number/number_method.h"
#include "delta/number/number_work.h"
#include "delta/number/ratio_cursor.h"
#include "delta/number/scale_tracker.h"
#include "delta/number/state_packer.h"

#if defined(__x86_64__) && defined(STRANDLINE_CDF_SSE2)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,bmi,bmi2,popcnt"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,bmi,bmi2,popcnt")
#endif

#include "delta/number/number_kernel_avx2.h"
#include "delta/number/number_loops.h"
#include "delta/number/rescaled_kernel_avx2.h"
#include "delta/number/state_packer_avx2.h"
#include "delta/number/sums_avx2.h"

namespace strandline::delta::number {

void write_avx2(ElementType type, Method method, Work& work, NumberModel& model,
                SymbolWriter& writer) {
    run_type<Avx2Cdf>(type, method, work, model, writer);
}

bool read_avx2(ElementType type, Method method, Work& work, NumberModel& model,
               SymbolReader& reader) {
    return run_type<Avx2Cdf>(type, method, work, model, reader);
}

void write_rescaled_avx2(Work& work, const RatioRows& rows, NumberModel& model,
                         SymbolWriter& writer) {
    run_rescaled<Avx2Cdf>(work, rows, model, writer);
}

bool read_rescaled_avx2(Work& work, const RatioRows& rows, NumberModel& model,
                        SymbolReader& reader) {
    return run_rescaled<Avx2Cdf>(work, rows, model, reader);
}

void add_products_avx2(std::int64_t* sums, std::int32_t left, const std::int32_t* right,
                       std::size_t count) {
    constexpr std::size_t step = 4;
    const __m256i factor = _mm256_set1_epi64x(left);
    const std::size_t whole = count / step * step;
    for (std::size_t i = 0; i < whole; i += step) {
        auto* const place = reinterpret_cast<__m256i*>(sums + i);
        const __m256i others =
            _mm256_cvtepi32_epi64(_mm_loadu_si128(reinterpret_cast<const __m128i*>(right + i)));
        _mm256_storeu_si256(
            place, _mm256_add_epi64(_mm256_loadu_si256(place), _mm256_mul_epi32(factor, others)));
    }
    for (std::size_t i = whole; i < count; ++i) sums[i] += std::int64_t{left} * right[i];
}

std::size_t add_sums_avx2(ElementType type, std::byte* numbers, const std::int64_t* sums,
                          double unit, std::size_t count) {
    if (type == ElementType::f32) return Avx2Sums::add<Avx2Floats>(numbers, sums, unit, count);
    if (type == ElementType::f16)
        return Avx2Sums::add<Avx2Halves<Float16>>(numbers, sums, unit, count);
    return Avx2Sums::add<Avx2Halves<Bfloat16>>(numbers, sums, unit, count);
}

std::size_t pack_avx2(std::span<const std::uint32_t> entries, Lanes<std::uint32_t>& states,
                      std::span<std::uint16_t> words) {
    return Avx2Packer::run(entries, states, words);
}

}  // namespace strandline::delta::number

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace strandline::delta::number {

bool has_avx2() {
    static const bool found = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
                              __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
    return found;
}

}  // namespace strandline::delta::number

#else

namespace strandline::delta::number {

bool has_avx2() { return false; }
void write_avx2(ElementType, Method, Work&, NumberModel&, SymbolWriter&) {}
bool read_avx2(ElementType, Method, Work&, NumberModel&, SymbolReader&) { return false; }
void write_rescaled_avx2(Work&, const RatioRows&, NumberModel&, SymbolWriter&) {}
bool read_rescaled_avx2(Work&, const RatioRows&, NumberModel&, SymbolReader&) { return false; }
void add_products_avx2(std::int64_t*, std::int32_t, const std::int32_t*, std::size_t) {}
std::size_t add_sums_avx2(ElementType, std::byte*, const std::int64_t*, double, std::size_t) {
    return 0;
}
std::size_t pack_avx2(std::span<const std::uint32_t>, Lanes<std::uint32_t>&,
                      std::span<std::uint16_t>) {
    return 0;
}

}  // namespace strandline::delta::number

#endif
