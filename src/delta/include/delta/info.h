#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "base/sha256.h"
#include "delta/io.h"

namespace strandline::delta {

/// The format this library writes. A reader refuses another major version; a newer minor version
/// is read until it uses something unknown.
inline constexpr std::uint16_t format_major = 1;
inline constexpr std::uint16_t format_minor = 0;

/// Bytes of the header at the start of a delta that has no short prologue.
inline constexpr std::size_t header_bytes = 128;

/// How the new file is stored. Numbers are part of the format.
enum class BodyKind : std::uint8_t {
    segments = 0,  ///< independent segments of records
    frame = 1,     ///< one zstd frame of the whole new file, without the old one
};

/// What an applier must know and have memory for. Numbers are part of the format.
inline constexpr std::uint8_t feature_numbers = 1;     ///< blocks of numbers
inline constexpr std::uint8_t feature_factors = 2;     ///< predictions with factors of rows
inline constexpr std::uint8_t feature_lzma = 4;        ///< blocks of LZMA
inline constexpr std::uint8_t feature_mixer = 8;       ///< blocks of mixed bytes
inline constexpr std::uint8_t feature_scripts = 16;    ///< records of copies and literals
inline constexpr std::uint8_t feature_in_place = 32;   ///< may replace the old file bit by bit
inline constexpr std::uint8_t feature_downwards = 64;  ///< in place, from the end on
inline constexpr std::uint8_t known_features = 127;

/// What the header of a delta declares; format.md section 2. All sizes in bytes.
struct DeltaInfo {
    std::uint16_t major = format_major;
    std::uint16_t minor = format_minor;
    BodyKind body = BodyKind::segments;
    std::uint8_t features = 0;
    std::uint32_t segment_bytes = 0;
    std::uint64_t old_size = 0;
    Sha256Digest old_sha256;
    std::uint64_t new_size = 0;
    Sha256Digest new_sha256;  ///< after the delta was applied, the whole one in any case
    /// How many bytes of the digests are known: a short prologue has the first 16; others are 0.
    std::uint8_t old_sha256_bytes = 32;
    std::uint8_t new_sha256_bytes = 32;
    /// Size of the whole delta, header included.
    std::uint64_t patch_size = 0;
    /// What an applier allocates at most, whatever the size of the files.
    std::uint32_t decoder_memory = 0;
    std::uint32_t record_bytes = 0;     ///< largest record body
    std::uint32_t block_bytes = 0;      ///< most new bytes that one coded record makes
    std::uint32_t reference_bytes = 0;  ///< most old bytes that one coded record refers to
    std::uint32_t index_crc32c = 0;
    /// Length of a short prologue, which small deltas have; 0 for the long form.
    std::uint32_t short_prologue_bytes = 0;

    /// Whether a file with this digest is the old or the new one, as far as the delta tells.
    [[nodiscard]] bool is_old(const Sha256Digest& digest) const;
    [[nodiscard]] bool is_new(const Sha256Digest& digest) const;
    /// Takes the digest of a file that is the new one.
    void complete(const Sha256Digest& digest);
    /// What is known of the digests, as hexadecimal digits.
    [[nodiscard]] std::string old_sha256_text() const;
    [[nodiscard]] std::string new_sha256_text() const;

    /// Entries of the segment index.
    [[nodiscard]] std::uint64_t segments() const;
    /// Header and segment index: where the first segment starts.
    [[nodiscard]] std::uint64_t prologue_bytes() const;
};

/// Reads and checks the header; reads nothing else. Not a delta, or an unknown version, is
/// `invalid`; a damaged header `corrupt`. The rest of the delta may still be damaged.
[[nodiscard]] Result<DeltaInfo> read_info(const ReadAt& patch);

/// The same of the start of a delta: its prologue, if that is short, or `header_bytes`.
[[nodiscard]] Result<DeltaInfo> parse_header(ByteSpan header);

}  // namespace strandline::delta
