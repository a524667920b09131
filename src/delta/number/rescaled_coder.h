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

/// Appends the streams of signed bytes. `old_numbers` are as many; times 1 + ratio / 4096 they are
/// what the new ones are expected to be. One ratio for each row.
void encode_rescaled(ByteSpan numbers, ByteSpan old_numbers, const Grid& grid,
                     std::span<const std::int16_t> ratios, NumberModel& model, SymbolWriter& writer,
                     Bytes& out, Speed speed = Speed::best);

/// Fills `numbers` from such streams, or fails with `corrupt`.
[[nodiscard]] Status decode_rescaled(ByteSpan streams, ByteSpan old_numbers, const Grid& grid,
                                     std::span<const std::int16_t> ratios, NumberModel& model,
                                     std::span<std::byte> numbers, Speed speed = Speed::best);

}  // namespace strandline::delta::number
