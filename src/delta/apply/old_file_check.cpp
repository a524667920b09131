#include "delta/apply/old_file_check.h"

#include <fmt/core.h>

#include "base/sha256.h"
#include "delta/apply/pieces.h"

namespace strandline::delta {

Status check_old_size(const ReadAt& old_file, const DeltaInfo& info) {
    if (old_file.size() == info.old_size) return {};
    return fail(Errc::conflict,
                fmt::format("the old file is not the one this delta was made for: it has {} bytes, "
                            "not {}",
                            old_file.size(), info.old_size));
}

Status check_old_hash(const ReadAt& old_file, const DeltaInfo& info) {
    Sha256 hash;
    TRY(for_each_piece(old_file, 0, info.old_size, [&](ByteSpan piece) -> Status {
        hash.update(piece);
        return {};
    }));
    const auto digest = hash.finish();
    if (info.is_old(digest)) return {};
    return fail(Errc::conflict,
                fmt::format("the old file is not the one this delta was made for: its SHA-256 is "
                            "{}, not {}",
                            digest.hex(), info.old_sha256_text()));
}

}  // namespace strandline::delta
