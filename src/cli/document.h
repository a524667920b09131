#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace strandline::cli {

/// A read-only JSON document, so that commands need no JSON library. Paths are keys joined by `.`;
/// what is missing reads as empty, since a command shows what it got.
class Document {
public:
    [[nodiscard]] static Result<Document> parse(std::string_view text, std::string_view what);

    /// Text as it is; numbers and booleans as JSON writes them; "" when missing or null.
    [[nodiscard]] std::string text(std::string_view path = {}) const;
    [[nodiscard]] std::int64_t integer(std::string_view path = {}) const;
    [[nodiscard]] double number(std::string_view path = {}) const;
    [[nodiscard]] bool boolean(std::string_view path = {}) const;
    [[nodiscard]] bool has(std::string_view path) const;
    [[nodiscard]] std::vector<Document> list(std::string_view path = {}) const;
    /// Members of an object, in order.
    [[nodiscard]] std::vector<std::pair<std::string, Document>> fields(
        std::string_view path = {}) const;
    /// The document as compact JSON.
    [[nodiscard]] std::string json() const;

private:
    struct Value;
    explicit Document(std::shared_ptr<const Value> value) : value_(std::move(value)) {}
    // Shared: parts of a parsed document keep the whole alive.
    std::shared_ptr<const Value> value_;
};

/// Builds one JSON object for a request body.
class ObjectBuilder {
public:
    ObjectBuilder();
    ~ObjectBuilder();
    ObjectBuilder(ObjectBuilder&&) noexcept;
    ObjectBuilder& operator=(ObjectBuilder&&) noexcept;

    ObjectBuilder& text(std::string_view key, std::string_view value);
    /// Leaves the key out when the value is empty.
    ObjectBuilder& text_if(std::string_view key, std::string_view value);
    ObjectBuilder& integer(std::string_view key, std::int64_t value);
    ObjectBuilder& number(std::string_view key, double value);
    ObjectBuilder& boolean(std::string_view key, bool value);
    ObjectBuilder& object(std::string_view key, const ObjectBuilder& value);
    ObjectBuilder& texts(std::string_view key, const std::vector<std::string>& values);
    ObjectBuilder& objects(std::string_view key, const std::vector<ObjectBuilder>& values);
    /// Parsed JSON under a key.
    ObjectBuilder& document(std::string_view key, const Document& value);
    ObjectBuilder& documents(std::string_view key, const std::vector<Document>& values);

    [[nodiscard]] std::string json() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Writes several documents as one JSON list.
[[nodiscard]] std::string json_list(const std::vector<Document>& documents);

}  // namespace strandline::cli
