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

/// Appends the streams of `numbers`, which has whole elements of `type`. `reference` is as long;
/// for `direct` it may be empty. With `columns`, which begin as zeros and are for fp32 and 16-bit
/// floats alone, expectations take in what was seen in a number's column. The type `opaque` and the
/// methods `sparse` and `exact` are not for this.
void encode_numbers(ElementType type, Method method, ByteSpan numbers, ByteSpan reference,
                    NumberModel& model, SymbolWriter& writer, Bytes& out,
                    const ColumnMemory& columns = {}, Speed speed = Speed::best);

/// Fills `numbers` from such streams, or fails with `corrupt`.
[[nodiscard]] Status decode_numbers(ElementType type, Method method, ByteSpan streams,
                                    ByteSpan reference, NumberModel& model,
                                    std::span<std::byte> numbers, const ColumnMemory& columns = {},
                                    Speed speed = Speed::best);

}  // namespace strandline::delta::number
