#include "base/json.h"

#include <algorithm>
#include <cmath>
#include <fmt/core.h>

#include "base/utf8.h"
#include "trust/json_fields.h"

namespace strandline::trust {
namespace {

// No database takes it, and what is written in C ends there.
void refuse_nul(JsonReader& in, std::string_view key, std::string_view text) {
    if (text.find('\0') != std::string_view::npos) in.reject(key, "holds a NUL character");
}

}  // namespace

void require_format(JsonReader& in) {
    if (in.integer("format", 1, max_json_integer) != 1) {
        in.reject("format", "is newer than this program knows; update the program");
    }
}

std::uint64_t read_size(JsonReader& in, std::string_view key) {
    return static_cast<std::uint64_t>(in.integer(key, 0, max_json_integer));
}

std::uint64_t read_size_or(JsonReader& in, std::string_view key, std::uint64_t fallback) {
    return static_cast<std::uint64_t>(
        in.integer_or(key, json_integer(fallback), 0, max_json_integer));
}

Sha256Digest read_digest(JsonReader& in, std::string_view key) {
    const auto digest = Sha256Digest::from_hex(in.text(key));
    if (!digest) in.reject(key, "must be 64 lower-case hexadecimal characters");
    return digest.value_or(Sha256Digest{});
}

std::optional<Sha256Digest> read_optional_digest(JsonReader& in, std::string_view key) {
    const auto* value = in.find(key);
    if (value == nullptr || value->is_null()) return std::nullopt;
    return read_digest(in, key);
}

std::string read_short_text(JsonReader& in, std::string_view key, std::size_t limit) {
    auto text = in.text_or(key, "");
    if (text.size() > limit) in.reject(key, fmt::format("is longer than {} bytes", limit));
    refuse_nul(in, key, text);
    return text;
}

std::vector<std::string> read_texts(JsonReader& in, std::string_view key, std::size_t limit) {
    std::vector<std::string> texts;
    const auto& values = in.array(key);
    if (values.size() > limit) {
        in.reject(key, fmt::format("has more than {} entries", limit));
        return texts;
    }
    for (const auto& value : values) {
        if (!value.is_string()) {
            in.reject(key, "must be a list of texts");
            return texts;
        }
        texts.emplace_back(std::string_view(value.get_string()));
        refuse_nul(in, key, texts.back());
    }
    return texts;
}

std::map<std::string, std::string> read_text_map(JsonReader& in, std::string_view key,
                                                 std::size_t limit) {
    std::map<std::string, std::string> texts;
    const auto& values = in.object(key);
    if (values.size() > limit) {
        in.reject(key, fmt::format("has more than {} entries", limit));
        return texts;
    }
    for (const auto& entry : values) {
        if (!entry.value().is_string()) {
            in.reject(key, "must map texts to texts");
            return texts;
        }
        const std::string_view text(entry.value().get_string());
        refuse_nul(in, key, entry.key());
        refuse_nul(in, key, text);
        texts.emplace(entry.key(), text);
    }
    return texts;
}

std::int64_t json_integer(std::uint64_t value) {
    return static_cast<std::int64_t>(std::min(value, static_cast<std::uint64_t>(max_json_integer)));
}

std::string json_text(std::string_view text, std::size_t max_bytes) {
    auto clean = clean_text(text, max_bytes);
    std::replace(clean.begin(), clean.end(), '\0', '?');  // as readers refuse it
    return clean;
}

double json_number(double value) { return std::isfinite(value) ? value : 0.0; }

}  // namespace strandline::trust
