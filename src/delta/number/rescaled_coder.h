#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "base/result.h"
#include "delta/number/number_coder.h"
#include "delta/number/number_work.h"
#include "delta/number/predict.h"

// Small integers that were quantised anew with other scales; format.md section 4.6.
namespace strandline::delta::number {

/// The rows of a block of signed bytes, and what became of each: old numbers times 1 + ratio / 4096
/// are what the new ones are expected to be.
struct RescaledRows {
    Grid grid;
    std::span<const std::int16_t> ratios;  ///< one for each row
    Speed speed = Speed::best;
};

/// Appends the streams of signed bytes. `old_numbers` are as many.
void encode_rescaled(const RescaledRows& rows, ByteSpan numbers, ByteSpan old_numbers,
                     NumberModel& model, SymbolWriter& writer, Bytes& out);

/// Fills `numbers` from such streams, or fails with `corrupt`.
[[nodiscard]] Status decode_rescaled(const RescaledRows& rows, ByteSpan streams,
                                     ByteSpan old_numbers, NumberModel& model,
                                     std::span<std::byte> numbers);

}  // namespace strandline::delta::number
