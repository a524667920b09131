#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "base/result.h"
#include "delta/number/column_memory.h"
#include "delta/number/number_method.h"
#include "delta/number/number_model.h"
#include "delta/number/symbol_writer.h"

// Coding of numbers by what is expected of them; format.md section 4.5.
namespace strandline::delta::number {

/// What numbers are, and how they are coded. The type `opaque` and the methods `sparse` and `exact`
/// are not for this.
struct NumberCode {
    ElementType type = ElementType::f32;
    Method method = Method::absolute;
    /// Those of a block, which begin as zeros, for fp32 and 16-bit floats alone: expectations take
    /// in what was seen in a number's column.
    ColumnMemory columns = {};
    Speed speed = Speed::best;
};

/// Appends the streams of `numbers`, which has whole elements. `reference` is as long; for `direct`
/// it may be empty.
void encode_numbers(const NumberCode& code, ByteSpan numbers, ByteSpan reference,
                    NumberModel& model, SymbolWriter& writer, Bytes& out);

/// Fills `numbers` from such streams, or fails with `corrupt`.
[[nodiscard]] Status decode_numbers(const NumberCode& code, ByteSpan streams, ByteSpan reference,
                                    NumberModel& model, std::span<std::byte> numbers);

}  // namespace strandline::delta::number
