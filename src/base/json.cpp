#include "base/json.h"

#include <algorithm>
#include <boost/json/parse_options.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/stream_parser.hpp>
#include <cmath>
#include <fmt/core.h>

namespace strandline {
namespace {

const boost::json::object& empty_object() {
    static const boost::json::object empty;
    return empty;
}

const boost::json::array& empty_array() {
    static const boost::json::array empty;
    return empty;
}

// Members that the text writes down: each has one colon, and no other colon stands outside a
// string. The text is known to be valid.
std::size_t members_written(std::string_view text) {
    std::size_t members = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        members += text[i] == ':' ? 1 : 0;
        if (text[i] != '"') continue;
        while (text[++i] != '"') i += text[i] == '\\' ? 1 : 0;
    }
    return members;
}

// What the parsed tree holds.
struct Tally {
    std::size_t members = 0;
    bool finite = true;
};

void count(const boost::json::value& value, Tally& tally) {
    if (const auto* object = value.if_object()) {
        tally.members += object->size();
        for (const auto& member : *object) count(member.value(), tally);
    } else if (const auto* array = value.if_array()) {
        for (const auto& element : *array) count(element, tally);
    } else if (const auto* number = value.if_double()) {
        tally.finite = tally.finite && std::isfinite(*number);
    }
}

}  // namespace

Result<boost::json::value> parse_json(std::string_view text, std::string_view what,
                                      const JsonLimits& limits) {
    if (text.size() > limits.max_bytes) {
        return fail(Errc::invalid, fmt::format("{}: {} bytes of JSON, at most {} are accepted",
                                               what, text.size(), limits.max_bytes));
    }
    boost::json::parse_options options;
    options.max_depth = limits.max_depth;
    boost::json::stream_parser parser({}, options);
    boost::system::error_code error;
    std::size_t used = 0;
    if (!text.empty()) used = parser.write_some(text.data(), text.size(), error);
    if (!error && used < text.size() && parser.done()) {
        error = boost::json::make_error_code(boost::json::error::extra_data);
    }
    if (!error) parser.finish(error);
    if (error) {
        return fail(Errc::invalid, fmt::format("{}: not valid JSON near byte {}: {}", what, used,
                                               error.message()));
    }
    auto value = parser.release();
    Tally kept;
    count(value, kept);
    // Two readers may take two different ones of them (RFC 8259 section 4).
    if (kept.members != members_written(text)) {
        return fail(Errc::invalid, fmt::format("{}: an object names the same key twice", what));
    }
    // The library reads it as infinity, and others as something else (section 6).
    if (!kept.finite) return fail(Errc::invalid, fmt::format("{}: a number is too large", what));
    return value;
}

std::string write_json(const boost::json::value& value) { return boost::json::serialize(value); }

JsonReader::JsonReader(const boost::json::value& value, std::string where)
    : object_(value.if_object()), where_(std::move(where)) {
    if (object_ == nullptr) {
        object_ = &empty_object();
        problem_ = fail(Errc::invalid, where_ + ": must be an object");
    }
}

const boost::json::value* JsonReader::take(std::string_view key) {
    seen_.emplace_back(key);
    return object_->if_contains(key);
}

const boost::json::value* JsonReader::find(std::string_view key) { return take(key); }

bool JsonReader::has(std::string_view key) const { return object_->contains(key); }

std::string JsonReader::text(std::string_view key) {
    auto value = optional_text(key);
    if (!value) {
        reject(key, "is missing");
        return {};
    }
    return *std::move(value);
}

std::string JsonReader::text_or(std::string_view key, std::string_view fallback) {
    return optional_text(key).value_or(std::string(fallback));
}

std::optional<std::string> JsonReader::optional_text(std::string_view key) {
    const auto* value = take(key);
    if (value == nullptr || value->is_null()) return std::nullopt;
    if (!value->is_string()) {
        reject(key, "must be a text");
        return std::string{};
    }
    return std::string(std::string_view(value->get_string()));
}

std::int64_t JsonReader::checked_integer(std::string_view key, const boost::json::value& value,
                                         std::int64_t min, std::int64_t max) {
    const auto* number = value.if_int64();
    if (number == nullptr || *number < min || *number > max) {
        reject(key, fmt::format("must be a whole number from {} to {}", min, max));
        return min;
    }
    return *number;
}

std::int64_t JsonReader::integer(std::string_view key, std::int64_t min, std::int64_t max) {
    const auto* value = take(key);
    if (value == nullptr) {
        reject(key, "is missing");
        return min;
    }
    return checked_integer(key, *value, min, max);
}

std::int64_t JsonReader::integer_or(std::string_view key, std::int64_t fallback, std::int64_t min,
                                    std::int64_t max) {
    const auto* value = take(key);
    if (value == nullptr || value->is_null()) return fallback;
    return checked_integer(key, *value, min, max);
}

double JsonReader::number_or(std::string_view key, double fallback, double min, double max) {
    const auto* value = take(key);
    if (value == nullptr || value->is_null()) return fallback;
    boost::system::error_code error;
    const auto number = value->to_number<double>(error);
    if (error || std::isnan(number) || number < min || number > max) {
        reject(key, fmt::format("must be a number from {} to {}", min, max));
        return fallback;
    }
    return number;
}

bool JsonReader::boolean_or(std::string_view key, bool fallback) {
    const auto* value = take(key);
    if (value == nullptr || value->is_null()) return fallback;
    if (!value->is_bool()) {
        reject(key, "must be true or false");
        return fallback;
    }
    return value->get_bool();
}

const boost::json::array& JsonReader::array(std::string_view key) {
    const auto* value = take(key);
    if (value == nullptr || value->is_null()) return empty_array();
    if (!value->is_array()) {
        reject(key, "must be a list");
        return empty_array();
    }
    return value->get_array();
}

const boost::json::object& JsonReader::object(std::string_view key) {
    const auto* value = take(key);
    if (value == nullptr || value->is_null()) return empty_object();
    if (!value->is_object()) {
        reject(key, "must be an object");
        return empty_object();
    }
    return value->get_object();
}

void JsonReader::reject(std::string_view key, std::string_view problem) {
    if (!problem_) problem_ = fail(Errc::invalid, fmt::format("{}.{} {}", where_, key, problem));
}

void JsonReader::require(const Status& status) {
    if (!status && !problem_) problem_ = context(where_, status.error());
}

Status JsonReader::finish() const {
    TRY(finish_lenient());
    for (const auto& entry : *object_) {
        const std::string_view key = entry.key();
        const bool known =
            std::any_of(seen_.begin(), seen_.end(),
                        [&](const boost::json::value& seen) { return seen.get_string() == key; });
        if (!known) {
            return fail(Errc::invalid,
                        fmt::format("{}.{} is not a known field", where_, key.substr(0, 64)));
        }
    }
    return {};
}

Status JsonReader::finish_lenient() const {
    if (problem_) return *problem_;
    return {};
}

}  // namespace strandline
