#include "delta/number/number_coder.h"

#include "delta/number/number_kernel.h"
#include "delta/number/symbol_reader.h"

namespace strandline::delta::number {
namespace {

// Pairs of numbers between two looks at the ends of the streams: each takes at most three symbols
// and 63 + 11 bits.
constexpr std::size_t chunk_pairs = 24;

Error damaged() { return fail(Errc::corrupt, "delta has damaged numbers"); }

// Everything about one call that does not depend on types.
struct Work {
    const std::byte* numbers = nullptr;
    std::byte* out = nullptr;
    const std::byte* reference = nullptr;
    std::size_t count = 0;
    std::int32_t start = 0;  // of the expected size, in 1/256 bit
    ColumnMemory columns;
};

constexpr std::int32_t start_step = 16;
constexpr std::size_t start_bytes = 2;

template <class Word>
Word old_at(const Work& work, std::size_t i) {
    return work.reference == nullptr ? Word{0} : load_word<Word>(work.reference + i * sizeof(Word));
}

template <class Format, Method How, class Ops, bool ByColumn = false>
bool write_all(Work& work, NumberModel& model, SymbolWriter& writer) {
    using Word = typename Format::Word;
    using Kernel = NumberKernel<Format, How, Ops, SymbolWriter, ByColumn>;
    work.start =
        Kernel::start_of(work.count,
                         [&](std::size_t at) {
                             return std::pair(load_word<Word>(work.numbers + at * sizeof(Word)),
                                              old_at<Word>(work, at));
                         }) /
        start_step * start_step;
    Kernel kernel(model, writer, work.start, work.columns);
    std::size_t i = 0;
    for (; i + 2 <= work.count; i += 2) {
        std::array<Word, 2> words{load_word<Word>(work.numbers + i * sizeof(Word)),
                                  load_word<Word>(work.numbers + (i + 1) * sizeof(Word))};
        kernel.pair(words, {old_at<Word>(work, i), old_at<Word>(work, i + 1)});
    }
    if (i < work.count) {
        Word word = load_word<Word>(work.numbers + i * sizeof(Word));
        kernel.single(word, old_at<Word>(work, i));
    }
    return true;
}

template <class Format, Method How, class Ops, bool ByColumn = false>
bool read_all(const Work& work, NumberModel& model, SymbolReader& shared) {
    using Word = typename Format::Word;
    SymbolReader& reader = shared;
    NumberKernel<Format, How, Ops, SymbolReader, ByColumn> kernel(model, reader, work.start,
                                                                  work.columns);
    std::size_t i = 0;
    while (i + 2 <= work.count) {
        if (!reader.more()) return false;
        const std::size_t stop = std::min(work.count & ~std::size_t{1}, i + 2 * chunk_pairs);
        for (; i < stop; i += 2) {
            std::array<Word, 2> words{};
            kernel.pair(words, {old_at<Word>(work, i), old_at<Word>(work, i + 1)});
            store_word<Word>(work.out + i * sizeof(Word), words[0]);
            store_word<Word>(work.out + (i + 1) * sizeof(Word), words[1]);
        }
    }
    if (!reader.more()) return false;
    if (i < work.count) {
        Word word = 0;
        kernel.single(word, old_at<Word>(work, i));
        store_word<Word>(work.out + i * sizeof(Word), word);
    }
    return !kernel.bad() && reader.complete();
}

template <class Format>
constexpr bool has_columns = Format::is_float && Format::bits <= 32;

template <class Format, Method How, class Io>
bool run_by_column(Work& work, NumberModel& model, Io& io, Speed speed) {
    if constexpr (Io::writes) {
        return speed == Speed::simd ? write_all<Format, How, SimdCdf, true>(work, model, io)
                                    : write_all<Format, How, PortableCdf, true>(work, model, io);
    } else {
        return speed == Speed::simd ? read_all<Format, How, SimdCdf, true>(work, model, io)
                                    : read_all<Format, How, PortableCdf, true>(work, model, io);
    }
}

template <class Format, Method How, class Io>
bool run_as(Work& work, NumberModel& model, Io& io, Speed speed) {
    if constexpr (has_columns<Format>) {
        if (!work.columns.offsets.empty())
            return run_by_column<Format, How>(work, model, io, speed);
    }
    if constexpr (Io::writes) {
        return speed == Speed::simd ? write_all<Format, How, SimdCdf>(work, model, io)
                                    : write_all<Format, How, PortableCdf>(work, model, io);
    } else {
        return speed == Speed::simd ? read_all<Format, How, SimdCdf>(work, model, io)
                                    : read_all<Format, How, PortableCdf>(work, model, io);
    }
}

template <class Format, class Io>
bool run_method(Method method, Work& work, NumberModel& model, Io& io, Speed speed) {
    if constexpr (Format::is_float) {
        if (method == Method::absolute)
            return run_as<Format, Method::absolute>(work, model, io, speed);
        if (method == Method::direct) return run_as<Format, Method::direct>(work, model, io, speed);
    }
    return run_as<Format, Method::relative>(work, model, io, speed);
}

template <class Io>
bool run_type(ElementType type, Method method, Work& work, NumberModel& model, Io& io,
              Speed speed) {
    switch (type) {
        case ElementType::f64:
            return run_method<Float64>(method, work, model, io, speed);
        case ElementType::f32:
            return run_method<Float32>(method, work, model, io, speed);
        case ElementType::f16:
            return run_method<Float16>(method, work, model, io, speed);
        case ElementType::bf16:
            return run_method<Bfloat16>(method, work, model, io, speed);
        case ElementType::i64:
            return run_method<Int64>(method, work, model, io, speed);
        case ElementType::i32:
            return run_method<Int32>(method, work, model, io, speed);
        case ElementType::i16:
            return run_method<Int16>(method, work, model, io, speed);
        case ElementType::i8:
        case ElementType::u8:
        case ElementType::opaque:
            return run_method<Int8>(method, work, model, io, speed);
    }
    return false;
}

}  // namespace

void encode_numbers(ElementType type, Method method, ByteSpan numbers, ByteSpan reference,
                    NumberModel& model, SymbolWriter& writer, Bytes& out,
                    const ColumnMemory& columns, Speed speed) {
    Work work{numbers.data(),
              nullptr,
              reference.empty() ? nullptr : reference.data(),
              numbers.size() / number_bytes(type),
              0,
              columns};
    run_type(type, method, work, model, writer, speed);
    append_le(out, static_cast<std::uint16_t>(work.start / start_step));
    writer.finish(out);
}

Status decode_numbers(ElementType type, Method method, ByteSpan streams, ByteSpan reference,
                      NumberModel& model, std::span<std::byte> numbers, const ColumnMemory& columns,
                      Speed speed) {
    if (!reference.empty() && reference.size() != numbers.size()) return damaged();
    if (streams.size() < start_bytes) return damaged();
    SymbolReader reader;
    TRY(reader.open(streams.subspan(start_bytes)));
    const auto start =
        static_cast<std::int16_t>(load_le<std::uint16_t>(streams.first(start_bytes)));
    Work work{nullptr,
              numbers.data(),
              reference.empty() ? nullptr : reference.data(),
              numbers.size() / number_bytes(type),
              start * start_step,
              columns};
    if (!run_type(type, method, work, model, reader, speed)) return damaged();
    return {};
}

}  // namespace strandline::delta::number
