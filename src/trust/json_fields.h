#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/sha256.h"

// What the JSON forms of this module share. Internal: included by its *_json.cpp files only.
namespace strandline {
class JsonReader;
}

namespace strandline::trust {

/// Integers up to here survive every JSON implementation (RFC 8259 section 6).
inline constexpr std::int64_t max_json_integer = std::int64_t{1} << 53;

/// `format` must be there and be 1: a later format is not ours to guess.
void require_format(JsonReader& in);

[[nodiscard]] std::uint64_t read_size(JsonReader& in, std::string_view key);
[[nodiscard]] std::uint64_t read_size_or(JsonReader& in, std::string_view key,
                                         std::uint64_t fallback);
[[nodiscard]] Sha256Digest read_digest(JsonReader& in, std::string_view key);
[[nodiscard]] std::optional<Sha256Digest> read_optional_digest(JsonReader& in,
                                                               std::string_view key);
/// A text of at most `limit` bytes; empty when missing. Neither it nor the texts of lists and maps
/// hold a NUL.
[[nodiscard]] std::string read_short_text(JsonReader& in, std::string_view key, std::size_t limit);
[[nodiscard]] std::vector<std::string> read_texts(JsonReader& in, std::string_view key,
                                                  std::size_t limit);
[[nodiscard]] std::map<std::string, std::string> read_text_map(JsonReader& in, std::string_view key,
                                                               std::size_t limit);

/// Counters as JSON integers, held at the largest exact one.
[[nodiscard]] std::int64_t json_integer(std::uint64_t value);
/// JSON has no infinities and no NaN: they become 0.
[[nodiscard]] double json_number(double value);
/// Text that came from elsewhere, such as a library's message: well-formed UTF-8 of bounded
/// length, without NUL.
[[nodiscard]] std::string json_text(std::string_view text, std::size_t max_bytes);

}  // namespace strandline::trust
