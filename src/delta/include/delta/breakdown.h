#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "delta/io.h"

namespace strandline::delta {

/// What makes a stretch of the new file.
enum class Coding : std::uint8_t {
    copy,                   ///< bytes of the old file, and the steps of scripts that say so
    fill,                   ///< one byte, repeated
    raw,                    ///< bytes as they are
    literals,               ///< of scripts: LZMA of many gaps between copies
    zstd,                   ///< zstd beside old bytes
    lzma,                   ///< LZMA beside old bytes
    planes,                 ///< words minus old words, by byte position
    changed_words,          ///< the few words that changed
    numbers,                ///< differences of numbers to the old ones
    numbers_direct,         ///< numbers of which the old ones hardly tell anything
    numbers_sparse,         ///< the few numbers that changed
    numbers_row_scales,     ///< differences to old numbers, each row times a factor
    numbers_column_scales,  ///< the same by columns
    numbers_low_rank,       ///< differences to old numbers plus a thin product
    numbers_requantised,    ///< differences to what new quantisation steps let expect
    numbers_folded,         ///< differences to old numbers with folded normalisation
    numbers_exact,          ///< exactly what a prediction makes
    numbers_converted,      ///< of a tensor in another order or type
    mixed,                  ///< quantised weights by several contexts
    frame,                  ///< the whole new file without the old one
    prologue,               ///< header and index
};
inline constexpr std::size_t coding_count = 21;

/// Fit for a table or the label of a metric: lower case, words joined by `_`.
[[nodiscard]] std::string_view name_of(Coding coding);

struct CodingShare {
    std::uint64_t new_bytes = 0;    ///< of the new file
    std::uint64_t delta_bytes = 0;  ///< of the delta
};

/// What a delta is made of. The shares sum up to the new file and to the delta.
struct Breakdown {
    std::array<CodingShare, coding_count> shares{};  ///< by Coding

    [[nodiscard]] CodingShare& operator[](Coding coding) {
        return shares[static_cast<std::size_t>(coding)];
    }
    [[nodiscard]] const CodingShare& operator[](Coding coding) const {
        return shares[static_cast<std::size_t>(coding)];
    }
    void add(const Breakdown& more);

    struct Row {
        std::string_view name;
        std::uint64_t new_bytes = 0;
        std::uint64_t delta_bytes = 0;
    };
    /// Those that occur, in the order of Coding.
    [[nodiscard]] std::vector<Row> rows() const;
};

/// Looks through a delta without making its output; the old file is not needed. Memory: at most
/// 256 KiB and its index. Fails like read_info(), or with `corrupt`; not all damage is seen.
[[nodiscard]] Result<Breakdown> read_breakdown(const ReadAt& patch);

}  // namespace strandline::delta
