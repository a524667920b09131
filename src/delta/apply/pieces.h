#pragma once

#include <algorithm>
#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "delta/format/header.h"
#include "delta/io.h"

namespace strandline::delta {

/// Hands the bytes [offset, offset + length) of `source` to `work`, in order, a window at a time.
template <class Work>
Status for_each_piece(const ReadAt& source, std::uint64_t offset, std::uint64_t length,
                      const Work& work) {
    Bytes window(static_cast<std::size_t>(std::min<std::uint64_t>(length, copy_window_bytes)));
    while (length > 0) {
        const auto piece = std::span(window).first(
            static_cast<std::size_t>(std::min<std::uint64_t>(length, window.size())));
        TRY(source.read_at(offset, piece));
        TRY(work(ByteSpan(piece)));
        offset += piece.size();
        length -= piece.size();
    }
    return {};
}

}  // namespace strandline::delta
