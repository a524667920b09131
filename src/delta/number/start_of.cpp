#include "delta/number/start_of.h"

#include <algorithm>

#include "delta/number/number_kernel.h"

namespace strandline::delta::number {
namespace {

constexpr std::size_t sample = 2048;

template <class Word>
Word old_at(const Work& work, std::size_t i) {
    return work.reference == nullptr ? Word{0} : load_word<Word>(work.reference + i * sizeof(Word));
}
template <class Word>
Word new_at(const Work& work, std::size_t i) {
    return load_word<Word>(work.numbers + i * sizeof(Word));
}

template <class Format>
std::int32_t mean_exponent(const Work& work) {
    using Word = typename Format::Word;
    std::int32_t sum = 0;
    std::int32_t seen = 0;
    for (std::size_t i = 0; i < std::min(work.count, sample); ++i) {
        const auto word = new_at<Word>(work, i);
        sum += Format::exponent(word);
        seen += word != 0 ? 1 : 0;
    }
    return seen == 0 ? 0 : sum * one_bit / seen;
}

template <class Format, Method How>
std::int32_t mean_size(const Work& work) {
    using Word = typename Format::Word;
    using Kernel = DifferenceKernel<Format, How, PortableCdf, SymbolWriter>;
    const std::size_t count = std::min(work.count, sample);
    std::int64_t sum = 0;
    std::int64_t seen = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const auto old = old_at<Word>(work, i);
        const auto length =
            static_cast<std::int32_t>(Kernel::length_of(new_at<Word>(work, i), old));
        if (length == 0) continue;
        sum += length * one_bit + Kernel::scale_of(old);
        ++seen;
    }
    if (seen == 0) return 0;
    ScaleTracker tracker(static_cast<std::int32_t>(sum / seen));
    for (std::size_t i = 0; i < 2 * count; ++i) {
        const std::size_t at = i % count;
        const auto old = old_at<Word>(work, at);
        const auto length =
            static_cast<std::int32_t>(Kernel::length_of(new_at<Word>(work, at), old)) * one_bit;
        const auto step = (tracker.mixed() - Kernel::scale_of(old) - lowest_expected) >> step_bits;
        tracker.learn(std::min(length, Kernel::most),
                      mean_steps<Kernel::most>[static_cast<std::size_t>(
                          std::clamp(step, 0, std::int32_t{expected_steps} - 1))]);
    }
    return tracker.slow();
}

template <class Format>
std::int32_t start_as(Method method, const Work& work) {
    if constexpr (Format::is_float) {
        if (method == Method::direct) return mean_exponent<Format>(work);
        if (method == Method::absolute) return mean_size<Format, Method::absolute>(work);
    }
    return mean_size<Format, Method::relative>(work);
}

}  // namespace

std::int32_t start_of(ElementType type, Method method, const Work& work) {
    switch (type) {
        case ElementType::f64:
            return start_as<Float64>(method, work);
        case ElementType::f32:
            return start_as<Float32>(method, work);
        case ElementType::f16:
            return start_as<Float16>(method, work);
        case ElementType::bf16:
            return start_as<Bfloat16>(method, work);
        case ElementType::i64:
            return start_as<Int64>(method, work);
        case ElementType::i32:
            return start_as<Int32>(method, work);
        case ElementType::i16:
            return start_as<Int16>(method, work);
        default:
            return start_as<Int8>(method, work);
    }
}

}  // namespace strandline::delta::number
