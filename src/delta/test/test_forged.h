#pragma once

#include "delta/format/crc32c.h"
#include "delta/format/header.h"
#include "delta/test/test_support.h"

// For tests only: deltas that no encoder would write.
namespace strandline::delta {

/// A delta of one segment with these records, valid in all else.
inline Bytes forged(ByteSpan old_file, ByteSpan new_file, ByteSpan records, DeltaInfo info = {}) {
    info.segment_bytes = 1 << 20;
    info.old_size = old_file.size();
    info.old_sha256 = sha256(old_file);
    info.new_size = new_file.size();
    info.new_sha256 = sha256(new_file);
    info.record_bytes = info.block_bytes = info.reference_bytes = 64 << 10;
    info.patch_size = info.prologue_bytes() + records.size();
    info.decoder_memory = static_cast<std::uint32_t>(required_memory(info));
    const Bytes index =
        write_index({{static_cast<std::uint32_t>(records.size()), crc32c(new_file)}});
    info.index_crc32c = crc32c(index);
    return concatenated({write_header(info), index, records});
}

}  // namespace strandline::delta
