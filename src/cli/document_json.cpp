#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/json.h"
#include "cli/document.h"

namespace strandline::cli {

struct Document::Value {
    std::shared_ptr<const boost::json::value> root;  // keeps the parsed tree alive
    const boost::json::value* node = nullptr;

    [[nodiscard]] const boost::json::value* find(std::string_view path) const {
        const auto* at = node;
        while (!path.empty() && at != nullptr) {
            const auto dot = path.find('.');
            const auto* object = at->if_object();
            at = object == nullptr ? nullptr : object->if_contains(path.substr(0, dot));
            path = dot == std::string_view::npos ? std::string_view{} : path.substr(dot + 1);
        }
        return at != nullptr && at->is_null() ? nullptr : at;
    }
};

Result<Document> Document::parse(std::string_view text, std::string_view what) {
    const JsonLimits limits{.max_bytes = std::size_t{64} << 20, .max_depth = 64};
    TRY(auto value, parse_json(text, what, limits));
    auto root = std::make_shared<const boost::json::value>(std::move(value));
    const auto* node = root.get();
    return Document(std::make_shared<const Value>(Value{std::move(root), node}));
}

std::string Document::text(std::string_view path) const {
    const auto* value = value_->find(path);
    if (value == nullptr) return {};
    if (value->is_string()) return std::string(std::string_view(value->get_string()));
    return boost::json::serialize(*value);
}

std::int64_t Document::integer(std::string_view path) const {
    const auto* value = value_->find(path);
    return value != nullptr && value->is_number() ? static_cast<std::int64_t>(number(path)) : 0;
}

double Document::number(std::string_view path) const {
    const auto* value = value_->find(path);
    if (value == nullptr || !value->is_number()) return 0;
    boost::system::error_code error;
    return value->to_number<double>(error);
}

bool Document::boolean(std::string_view path) const {
    const auto* value = value_->find(path);
    return value != nullptr && value->is_bool() && value->get_bool();
}

bool Document::has(std::string_view path) const { return value_->find(path) != nullptr; }

std::vector<Document> Document::list(std::string_view path) const {
    std::vector<Document> out;
    const auto* value = value_->find(path);
    if (value == nullptr || !value->is_array()) return out;
    for (const auto& element : value->get_array()) {
        out.push_back(Document(std::make_shared<const Value>(Value{value_->root, &element})));
    }
    return out;
}

std::vector<std::pair<std::string, Document>> Document::fields(std::string_view path) const {
    std::vector<std::pair<std::string, Document>> out;
    const auto* value = value_->find(path);
    if (value == nullptr || !value->is_object()) return out;
    for (const auto& field : value->get_object()) {
        out.emplace_back(
            std::string(field.key()),
            Document(std::make_shared<const Value>(Value{value_->root, &field.value()})));
    }
    return out;
}

std::string Document::json() const { return boost::json::serialize(*value_->node); }

struct ObjectBuilder::Impl {
    boost::json::object object;
};

ObjectBuilder::ObjectBuilder() : impl_(std::make_unique<Impl>()) {}
ObjectBuilder::~ObjectBuilder() = default;
ObjectBuilder::ObjectBuilder(ObjectBuilder&&) noexcept = default;
ObjectBuilder& ObjectBuilder::operator=(ObjectBuilder&&) noexcept = default;

ObjectBuilder& ObjectBuilder::text(std::string_view key, std::string_view value) {
    impl_->object[key] = value;
    return *this;
}

ObjectBuilder& ObjectBuilder::text_if(std::string_view key, std::string_view value) {
    return value.empty() ? *this : text(key, value);
}

ObjectBuilder& ObjectBuilder::integer(std::string_view key, std::int64_t value) {
    impl_->object[key] = value;
    return *this;
}

ObjectBuilder& ObjectBuilder::number(std::string_view key, double value) {
    impl_->object[key] = value;
    return *this;
}

ObjectBuilder& ObjectBuilder::boolean(std::string_view key, bool value) {
    impl_->object[key] = value;
    return *this;
}

ObjectBuilder& ObjectBuilder::object(std::string_view key, const ObjectBuilder& value) {
    impl_->object[key] = value.impl_->object;
    return *this;
}

ObjectBuilder& ObjectBuilder::texts(std::string_view key, const std::vector<std::string>& values) {
    boost::json::array list;
    for (const auto& value : values) list.emplace_back(value);
    impl_->object[key] = std::move(list);
    return *this;
}

ObjectBuilder& ObjectBuilder::objects(std::string_view key,
                                      const std::vector<ObjectBuilder>& values) {
    boost::json::array list;
    for (const auto& value : values) list.emplace_back(value.impl_->object);
    impl_->object[key] = std::move(list);
    return *this;
}

ObjectBuilder& ObjectBuilder::document(std::string_view key, const Document& value) {
    boost::system::error_code error;
    impl_->object[key] = boost::json::parse(value.json(), error);
    return *this;
}

ObjectBuilder& ObjectBuilder::documents(std::string_view key, const std::vector<Document>& values) {
    boost::system::error_code error;
    impl_->object[key] = boost::json::parse(json_list(values), error);
    return *this;
}

std::string ObjectBuilder::json() const { return boost::json::serialize(impl_->object); }

std::string json_list(const std::vector<Document>& documents) {
    std::string out = "[";
    for (const auto& document : documents) {
        if (out.size() > 1) out += ',';
        out += document.json();
    }
    return out + "]";
}

}  // namespace strandline::cli
