#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "delta/info.h"

namespace strandline::delta {

/// Bounds of the format; format.md section 2. They keep every product below in 64 bits.
inline constexpr std::uint32_t min_segment_bytes = 64u << 10;
inline constexpr std::uint32_t max_segment_bytes = 64u << 20;
inline constexpr std::uint64_t max_file_bytes = std::uint64_t{1} << 48;
inline constexpr std::uint32_t max_block_bytes = 16u << 20;
/// A coded record holds its payload and at most this much beside it.
inline constexpr std::uint32_t record_overhead_bytes = 512;

/// Fixed buffers of an applier: window for copies, and a zstd context.
inline constexpr std::uint32_t copy_window_bytes = 64u << 10;
inline constexpr std::uint32_t zstd_context_bytes = 192u << 10;
/// What coding of numbers has learned, and what predictions hold.
inline constexpr std::uint32_t number_models_bytes = 128u << 10;
inline constexpr std::uint32_t factors_bytes = 896u << 10;
/// What mixing of bytes has learned.
inline constexpr std::uint32_t mixer_bytes = 192u << 10;
/// A streaming zstd context has this beside its window.
inline constexpr std::uint32_t zstd_stream_bytes = 320u << 10;

struct IndexEntry {
    std::uint32_t encoded_bytes = 0;
    std::uint32_t output_crc32c = 0;
};
inline constexpr std::size_t index_entry_bytes = 8;

/// What every delta starts with.
[[nodiscard]] Bytes magic_bytes();
[[nodiscard]] Bytes write_header(const DeltaInfo& info);
[[nodiscard]] Bytes write_index(const std::vector<IndexEntry>& index);

/// Checks the CRC of the index and that the segments fill the delta exactly.
[[nodiscard]] Status check_index(const DeltaInfo& info, ByteSpan index);
/// One entry of a checked index.
[[nodiscard]] IndexEntry index_entry(ByteSpan index, std::uint64_t segment);

/// Refuses kinds, features and sizes that are unknown or out of range.
[[nodiscard]] Status check_fields(const DeltaInfo& info);

/// What an applier needs for this delta by the rule of format.md section 2.
[[nodiscard]] std::uint64_t required_memory(const DeltaInfo& info);

}  // namespace strandline::delta
