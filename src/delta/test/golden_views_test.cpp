#include <array>
#include <bit>
#include <limits>

#include "delta/coder/numbers_coder.h"
#include "delta/coder/view_reader.h"
#include "delta/test/golden_records.h"

namespace strandline::delta {
namespace {

constexpr std::size_t rows = 12;
constexpr std::size_t columns = 10;
constexpr std::size_t count = rows * columns;
constexpr std::size_t room = 16;  // bytes that the old file has for each number

// Floats of all sizes, with some that are none; the upper halves are bfloat16, and the words are
// binary16 of all kinds and integers as well.
Bytes old_numbers() {
    SeededRandom random(95);
    Bytes out;
    for (std::size_t i = 0; i < room * count / 4; ++i) {
        auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(normal(random)));
        if (i % 5 == 0) bits = static_cast<std::uint32_t>(random.below(std::uint64_t{1} << 32));
        if (i % 31 == 0) bits = 0x7f80'0000;
        if (i % 37 == 0) bits = 0xff80'2001;  // not a number
        if (i % 41 == 0) bits = 0x8000'0000;
        append_le(out, bits);
    }
    return out;
}

// The numbers from the eighth on of a tensor that was turned; scales are borrowed.
OldView turned(ElementType from, ElementType to) {
    OldView view;
    view.from = from;
    view.to = to;
    view.axes = {{2, columns / 2}, {columns / 2, 1}, {rows / 3, 3 * columns}, {3, columns}};
    view.offset = 24;
    view.first = 7;
    return view;
}

void add_view(RecordWriter& out, NumberModels& models, const OldView& view) {
    const std::size_t one = element_size(view.to);
    Bytes reference((count - static_cast<std::size_t>(view.first) - 3) * one);
    Bytes window(64 << 10);
    const MemoryReader old_file(out.old_file());
    if (!read_view(view, old_file, reference, window)) return;
    number::SymbolWriter symbols;
    NumberMode mode;
    mode.type = view.to;
    mode.method = number::Method::relative;
    for (const bool exact : {true, false}) {
        Bytes block = reference;
        if (!exact) block[block.size() / 2] ^= std::byte{1};
        Bytes payload;
        encode_numbers_block(block, reference, mode, {}, {models[0], models.gaps(), symbols},
                             payload);
        out.viewed(CoderId::numbers, block, view, payload);
    }
}

}  // namespace

GoldenPair every_view() {
    RecordWriter out(old_numbers());
    NumberModels models;
    for (unsigned type = 0; type < 9; ++type) {
        const auto element = static_cast<ElementType>(type);
        add_view(out, models, turned(element, element));
    }
    constexpr std::array floats{ElementType::f32, ElementType::f16, ElementType::bf16};
    Bytes scales;
    for (std::size_t i = 0; i < columns; ++i)
        append_le(scales, std::bit_cast<std::uint32_t>(0.01F * static_cast<float>(i + 1)));
    for (const auto from : floats) {
        for (const auto to : floats) {
            if (from != to) add_view(out, models, turned(from, to));
        }
        for (const auto to : {ElementType::i8, ElementType::u8}) {
            auto view = turned(from, to);
            view.scales = {to == ElementType::u8 ? 128 : -3, 4, columns, 0, scales};
            add_view(out, models, view);
            // Only those scales that the block needs.
            view.axes = {{count, 1}};
            view.scales.columns = 60;
            view.scales.period = 3;
            view.scales.values = ByteSpan(scales).first(8);
            add_view(out, models, view);
        }
    }
    // A row again and again.
    auto repeated = turned(ElementType::f32, ElementType::f32);
    repeated.axes = {{rows, 0}, {columns, 1}};
    add_view(out, models, repeated);
    return out.finish("every-view", true);
}

}  // namespace strandline::delta
