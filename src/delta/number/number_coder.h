#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "base/result.h"
#include "delta/layout/tensor.h"
#include "delta/number/column_memory.h"
#include "delta/number/number_model.h"
#include "delta/number/symbol_writer.h"

// Coding of numbers by what is expected of them; format.md section 4.5.
namespace strandline::delta::number {

/// What is coded, and what is expected of its size. Numbers are part of the format.
enum class Method : std::uint8_t {
    absolute = 0,  ///< difference; noise is of one size, so its steps depend on the old exponent
    relative = 1,  ///< difference; noise is in proportion to each number
    direct = 2,    ///< the number itself; the reference only tells where it is likely
    sparse = 3,    ///< `absolute` of the numbers that changed, and where they are
    exact = 4,     ///< the numbers are those that a predictor makes
};

/// Bytes of one number; 1 for `opaque`.
[[nodiscard]] constexpr std::size_t number_bytes(ElementType type) {
    switch (type) {
        case ElementType::f64:
        case ElementType::i64:
            return 8;
        case ElementType::f32:
        case ElementType::i32:
            return 4;
        case ElementType::f16:
        case ElementType::bf16:
        case ElementType::i16:
            return 2;
        default:
            return 1;
    }
}

/// Which code runs. All give the same bytes.
enum class Speed : std::uint8_t { simd, portable };

/// Appends the streams of `numbers`, which has whole elements of `type`. `reference` is as long;
/// for `direct` it may be empty. With `columns`, which begin as zeros and are for fp32 and 16-bit
/// floats alone, expectations take in what was seen in a number's column. The type `opaque` and the
/// methods `sparse` and `exact` are not for this.
void encode_numbers(ElementType type, Method method, ByteSpan numbers, ByteSpan reference,
                    NumberModel& model, SymbolWriter& writer, Bytes& out,
                    const ColumnMemory& columns = {}, Speed speed = Speed::simd);

/// Fills `numbers` from such streams, or fails with `corrupt`.
[[nodiscard]] Status decode_numbers(ElementType type, Method method, ByteSpan streams,
                                    ByteSpan reference, NumberModel& model,
                                    std::span<std::byte> numbers, const ColumnMemory& columns = {},
                                    Speed speed = Speed::simd);

}  // namespace strandline::delta::number
