#pragma once

#include <span>

#include "base/bytes.h"
#include "base/result.h"
#include "delta/coder/zstd_codec.h"
#include "delta/format/varint.h"

namespace strandline::delta {

/// Appends a stream of bytes in the cheapest of three forms: raw, zstd frame, or one byte repeated;
/// format.md section 4.2. The length is not stored. Empty streams take no bytes.
void append_stream(ByteSpan bytes, ZstdEncoder& zstd, Bytes& out);

/// Reads a stream of out.size() bytes, or fails with `corrupt`.
[[nodiscard]] Status read_stream(FieldReader& in, ZstdDecoder& zstd, std::span<std::byte> out);

}  // namespace strandline::delta
