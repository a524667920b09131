// Codes arbitrary numbers by every kind of code, which must agree, and reads arbitrary streams.
// The input is: 1 byte type and method, 2 bytes length of the old numbers, old numbers, new ones.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "delta/number/number_coder.h"
#include "delta/number/predict.h"
#include "delta/number/rescaled_coder.h"

namespace strandline::delta::number {
namespace {

constexpr std::array speeds{Speed::best, Speed::baseline, Speed::portable};

struct Input {
    ElementType type;
    Method method;
    std::size_t shape;    // columns, or 0
    std::size_t columns;  // that are told apart, or 0
    bool rows;
    ByteSpan old_numbers;
    ByteSpan rest;
};

Input split(ByteSpan data) {
    const auto kind = static_cast<unsigned>(data[0]);
    const std::size_t old_size =
        std::min<std::size_t>(load_le<std::uint16_t>(data.subspan(1, 2)), data.size() - 3);
    constexpr std::array<std::size_t, 5> columns{0, 1, 3, 8, 21};
    const auto type = static_cast<ElementType>(kind % 9);
    const unsigned shape = kind / 27;
    return {type,
            static_cast<Method>(kind / 9 % 3),
            columns[shape % columns.size()],
            can_predict(type) ? columns[shape % columns.size()] : 0,
            shape >= columns.size(),
            data.subspan(3, old_size),
            data.subspan(3 + old_size)};
}

// Fresh offsets for each use.
struct Columns {
    explicit Columns(const Input& input)
        : offsets(input.columns), memory{offsets, input.columns / 2, input.rows} {}
    std::vector<std::int16_t> offsets;
    ColumnMemory memory;
};

// Old numbers are as many as the new ones, or there are none.
void check_coding(const Input& input) {
    const std::size_t one = element_size(input.type);
    const std::size_t size =
        input.old_numbers.empty()
            ? input.rest.size() / one * one
            : std::min(input.old_numbers.size(), input.rest.size()) / one * one;
    const auto numbers = input.rest.first(size);
    const auto old_numbers = input.old_numbers.first(std::min(size, input.old_numbers.size()));
    Bytes first;
    for (const auto speed : speeds) {
        const auto model = std::make_unique<NumberModel>();
        SymbolWriter writer;
        Bytes streams;
        encode_numbers({input.type, input.method, Columns(input).memory, speed}, numbers,
                       old_numbers, *model, writer, streams);
        if (speed == speeds.front()) first = streams;
        STRANDLINE_ASSERT(streams == first);
        model->reset();
        Bytes back(size);
        STRANDLINE_ASSERT(decode_numbers({input.type, input.method, Columns(input).memory, speed},
                                         streams, old_numbers, *model, back)
                              .has_value());
        STRANDLINE_ASSERT(std::ranges::equal(back, numbers));
    }
}

void check_reading(const Input& input) {
    const std::size_t one = element_size(input.type);
    const std::size_t size = input.old_numbers.size() / one * one;
    Bytes first;
    bool good = false;
    for (const auto speed : speeds) {
        const auto model = std::make_unique<NumberModel>();
        Bytes back(size);
        const bool read = decode_numbers({input.type, input.method, Columns(input).memory, speed},
                                         input.rest, input.old_numbers.first(size), *model, back)
                              .has_value();
        if (speed == speeds.front()) {
            first = back;
            good = read;
        }
        STRANDLINE_ASSERT(read == good && back == first);
    }
}

// Signed bytes in rows, whose ratios are made of the old ones.
struct Rescaled {
    explicit Rescaled(const Input& input, std::size_t count) {
        grid.columns = std::max<std::size_t>(1, input.shape);
        grid.phase = grid.columns / 2;
        for (std::size_t row = 0; row < grid.rows(count); ++row) {
            const auto byte = static_cast<std::int8_t>(input.old_numbers[row % count]);
            ratios.push_back(static_cast<std::int16_t>(byte >= 0 ? byte * 225 : byte * 31));
        }
    }
    Grid grid;
    std::vector<std::int16_t> ratios;
};

void check_rescaled(const Input& input) {
    const std::size_t count = std::min(input.old_numbers.size(), input.rest.size());
    if (count == 0) return;
    const auto old_numbers = input.old_numbers.first(count);
    const auto numbers = input.rest.first(count);
    const Rescaled rows(input, count);
    Bytes first;
    Bytes first_read;
    for (const auto speed : speeds) {
        const auto model = std::make_unique<NumberModel>();
        SymbolWriter writer;
        Bytes streams;
        encode_rescaled({rows.grid, rows.ratios, speed}, numbers, old_numbers, *model, writer,
                        streams);
        if (speed == speeds.front()) first = streams;
        STRANDLINE_ASSERT(streams == first);
        model->reset();
        Bytes back(count);
        STRANDLINE_ASSERT(
            decode_rescaled({rows.grid, rows.ratios, speed}, streams, old_numbers, *model, back)
                .has_value());
        STRANDLINE_ASSERT(std::ranges::equal(back, numbers));
        model->reset();
        back.assign(count, {});
        const bool good =
            decode_rescaled({rows.grid, rows.ratios, speed}, input.rest, old_numbers, *model, back)
                .has_value();
        back.push_back(static_cast<std::byte>(good));
        if (speed == speeds.front()) first_read = back;
        STRANDLINE_ASSERT(back == first_read);
    }
}

}  // namespace
}  // namespace strandline::delta::number

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    namespace number = strandline::delta::number;
    if (size < 3) return 0;
    const auto input = number::split(std::as_bytes(std::span(data, size)));
    number::check_coding(input);
    number::check_reading(input);
    if (input.type == strandline::delta::ElementType::i8) number::check_rescaled(input);
    return 0;
}
