#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "delta/apply.h"
#include "delta/encode.h"
#include "delta/test/test_sample_data.h"

// Made-up model files and short-cuts for tests.
namespace strandline::delta {

/// Text that compresses well.
[[nodiscard]] Bytes metadata_text(std::size_t lines, std::string_view version);

[[nodiscard]] Bytes concatenated(const std::vector<ByteSpan>& parts);

/// make_delta() in memory.
[[nodiscard]] Result<Bytes> encode(ByteSpan old_file, ByteSpan new_file,
                                   const EncodeOptions& options = {});

/// Applies in memory, pushing `chunk` bytes at a time.
[[nodiscard]] Result<Bytes> decode(ByteSpan old_file, ByteSpan patch, std::size_t chunk = 65536,
                                   const ApplyOptions& options = {});

/// A delta of body kind `frame`, whether or not that is the smallest.
[[nodiscard]] Result<Bytes> encode_as_frame(ByteSpan old_file, ByteSpan new_file);

/// A named pair of files that together reach every kind of record and coder.
struct FilePair {
    std::string name;
    Bytes old_file;
    Bytes new_file;
};
[[nodiscard]] std::vector<FilePair> sample_pairs();

/// A delta of this pair that has a short prologue, with the long one that larger deltas have.
[[nodiscard]] Bytes with_long_prologue(const FilePair& pair, ByteSpan patch);

/// A small pair whose delta has copies, fills, raw bytes and both coders.
[[nodiscard]] FilePair small_mixed_pair();

}  // namespace strandline::delta
