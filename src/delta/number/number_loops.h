#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "delta/number/direct_kernel.h"
#include "delta/number/number_kernel.h"
#include "delta/number/number_work.h"
#include "delta/number/symbol_reader.h"
#include "delta/number/symbol_writer.h"

// The loops over groups, for every kind of number. A template of Ops, so that each way to work on a
// Cdf has code of its own.
namespace strandline::delta::number {

/// The groups of one block.
template <class Kernel, class Io>
class NumberLoop {
public:
    using Word = typename Kernel::Word;

    static bool run(Work& work, NumberModel& model, Io& io) {
        Kernel kernel(model, work.start, work.columns);
        if constexpr (Kernel::by_column) {
            if (work.columns.rows) return run_rows(work, kernel, io);
        }
        const std::size_t whole = work.count / lanes * lanes;
        bool right = true;
        for (std::size_t at = 0; at < whole;) {
            if (!io.more()) return false;
            const std::size_t stop = std::min(whole, at + SymbolReader::chunk_groups * lanes);
            for (; at < stop; at += lanes) right &= group<true>(work, kernel, io, at, lanes);
        }
        const auto rest = static_cast<unsigned>(work.count - whole);
        if (rest > 0) {
            if (!io.more()) return false;
            right &= short_group(work, kernel, io, whole, rest);
        }
        return right && io.more();
    }

private:
    static bool run_rows(Work& work, Kernel& kernel, Io& io) {
        bool right = true;
        std::size_t groups = 0;
        for (std::size_t at = 0; at < work.count; ++groups) {
            if (groups % SymbolReader::chunk_groups == 0 && !io.more()) return false;
            const auto count =
                static_cast<unsigned>(std::min(kernel.most_in_group(), work.count - at));
            right &= count == lanes ? whole_group(work, kernel, io, at)
                                    : short_group(work, kernel, io, at, count);
            at += count;
        }
        return right && io.more();
    }
    [[gnu::noinline]] static bool whole_group(const Work& work, Kernel& kernel, Io& io,
                                              std::size_t at) {
        return group<true>(work, kernel, io, at, lanes);
    }
    [[gnu::noinline]] static bool short_group(const Work& work, Kernel& kernel, Io& io,
                                              std::size_t at, unsigned count) {
        return group<false>(work, kernel, io, at, count);
    }

    // Whole groups are copied at once where words lie in memory as in files.
    template <bool Full>
    [[gnu::always_inline]] static inline void copy(Lanes<Word>& word, const std::byte* from,
                                                   unsigned count) {
        if constexpr (Full && std::endian::native == std::endian::little) {
            std::memcpy(word.data(), from, sizeof word);
        } else {
            for (unsigned lane = 0; lane < count; ++lane)
                word[lane] = load_word<Word>(from + lane * sizeof(Word));
        }
    }
    template <bool Full>
    [[gnu::always_inline]] static inline bool group(const Work& work, Kernel& kernel, Io& io,
                                                    std::size_t at, unsigned count) {
        Lanes<Word> old{};
        Lanes<Word> word{};
        if (work.reference != nullptr) copy<Full>(old, work.reference + at * sizeof(Word), count);
        if constexpr (Io::writes) copy<Full>(word, work.numbers + at * sizeof(Word), count);
        const bool right = kernel.template group<Full>(io, word, old, count);
        if constexpr (Io::writes) return right;
        std::byte* to = work.out + at * sizeof(Word);
        if constexpr (Full && std::endian::native == std::endian::little) {
            std::memcpy(to, word.data(), sizeof word);
        } else {
            for (unsigned lane = 0; lane < count; ++lane)
                store_word<Word>(to + lane * sizeof(Word), word[lane]);
        }
        return right;
    }
};

/// What codes differences.
template <class Format, Method How, class Ops, class Io, bool ByColumn>
struct DifferencesOf {
    using Kernel = DifferenceKernel<Format, How, Ops, Io, ByColumn>;
};
template <class Format, Method How, class Ops, class Io, bool ByColumn>
    requires(Ops::has_rounds && Format::bits <= 32)
struct DifferencesOf<Format, How, Ops, Io, ByColumn> {
    using Kernel = typename Ops::template Differences<Format, How, Io, ByColumn>;
};
template <class Format, Method How, class Ops, class Io, bool ByColumn>
using Differences = typename DifferencesOf<Format, How, Ops, Io, ByColumn>::Kernel;

template <class Format, class Ops, class Io, bool ByColumn = false>
bool run_method(Method method, Work& work, NumberModel& model, Io& io) {
    if constexpr (Format::is_float) {
        using Absolute = Differences<Format, Method::absolute, Ops, Io, ByColumn>;
        using Direct = DirectKernel<Format, Ops, Io, ByColumn>;
        if (method == Method::absolute) return NumberLoop<Absolute, Io>::run(work, model, io);
        if (method == Method::direct) return NumberLoop<Direct, Io>::run(work, model, io);
    }
    using Relative = Differences<Format, Method::relative, Ops, Io, ByColumn>;
    return NumberLoop<Relative, Io>::run(work, model, io);
}

template <class Format, class Ops, class Io>
bool run_format(Method method, Work& work, NumberModel& model, Io& io) {
    if constexpr (Format::is_float && Format::bits <= 32) {
        if (!work.columns.offsets.empty())
            return run_method<Format, Ops, Io, true>(method, work, model, io);
    }
    return run_method<Format, Ops, Io>(method, work, model, io);
}

/// Codes all numbers of `work`; false if what is read is damaged.
template <class Ops, class Io>
bool run_type(ElementType type, Method method, Work& work, NumberModel& model, Io& io) {
    switch (type) {
        case ElementType::f64:
            return run_format<Float64, Ops>(method, work, model, io);
        case ElementType::f32:
            return run_format<Float32, Ops>(method, work, model, io);
        case ElementType::f16:
            return run_format<Float16, Ops>(method, work, model, io);
        case ElementType::bf16:
            return run_format<Bfloat16, Ops>(method, work, model, io);
        case ElementType::i64:
            return run_format<Int64, Ops>(method, work, model, io);
        case ElementType::i32:
            return run_format<Int32, Ops>(method, work, model, io);
        case ElementType::i16:
            return run_format<Int16, Ops>(method, work, model, io);
        default:
            return run_format<Int8, Ops>(method, work, model, io);
    }
}

}  // namespace strandline::delta::number
