#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

// Only *_json.cpp and *_api.cpp files (and config.cpp) include this header.
namespace strandline {

struct JsonLimits {
    std::size_t max_bytes = std::size_t{1} << 20;
    std::size_t max_depth = 32;
};

/// Parses strict JSON. `what` names the document in the error; too deep, too long, a key that
/// stands twice in an object, a number beyond all doubles, invalid UTF-8 and trailing bytes are
/// `invalid`.
[[nodiscard]] Result<boost::json::value> parse_json(std::string_view text, std::string_view what,
                                                    const JsonLimits& limits = {});

/// Compact text; keys keep their order.
[[nodiscard]] std::string write_json(const boost::json::value& value);

/// Reads one object strictly, field by field. The first problem is kept and later getters return
/// defaults, so a parser is a plain list of assignments that ends in `TRY(in.finish())`.
/// The reader borrows the value.
class JsonReader {
public:
    /// `where` is put in front of field names in errors: "manifest.files[2]".
    JsonReader(const boost::json::value& value, std::string where);

    [[nodiscard]] std::string text(std::string_view key);
    [[nodiscard]] std::string text_or(std::string_view key, std::string_view fallback);
    [[nodiscard]] std::optional<std::string> optional_text(std::string_view key);
    [[nodiscard]] std::int64_t integer(std::string_view key, std::int64_t min, std::int64_t max);
    [[nodiscard]] std::int64_t integer_or(std::string_view key, std::int64_t fallback,
                                          std::int64_t min, std::int64_t max);
    [[nodiscard]] double number_or(std::string_view key, double fallback, double min, double max);
    [[nodiscard]] bool boolean_or(std::string_view key, bool fallback);
    /// The array under `key`; an empty one when missing.
    [[nodiscard]] const boost::json::array& array(std::string_view key);
    /// The object under `key`; an empty one when missing.
    [[nodiscard]] const boost::json::object& object(std::string_view key);
    [[nodiscard]] bool has(std::string_view key) const;
    /// Any value under `key`, or null.
    [[nodiscard]] const boost::json::value* find(std::string_view key);

    /// Records a problem found by the caller, unless there is one already.
    void reject(std::string_view key, std::string_view problem);
    /// Takes over a failed check of the caller, unless there is one already.
    void require(const Status& status);

    /// Fails on the first recorded problem, else on the first key that no getter asked for.
    [[nodiscard]] Status finish() const;
    /// The same, without refusing unknown keys: for messages from newer peers.
    [[nodiscard]] Status finish_lenient() const;

    [[nodiscard]] const std::string& where() const { return where_; }

private:
    const boost::json::value* take(std::string_view key);
    std::int64_t checked_integer(std::string_view key, const boost::json::value& value,
                                 std::int64_t min, std::int64_t max);

    const boost::json::object* object_;
    std::string where_;
    std::optional<Error> problem_;
    boost::json::array seen_;
};

}  // namespace strandline
