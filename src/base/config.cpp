#include "base/config.h"

#include <cstdlib>
#include <fmt/core.h>
#include <sstream>
#include <toml++/toml.h>

#include "base/file.h"
#include "base/json.h"

namespace strandline {
namespace {

boost::json::value convert(const toml::node& node);

boost::json::value convert_table(const toml::table& table) {
    boost::json::object object;
    for (const auto& [key, value] : table) object[std::string_view(key)] = convert(value);
    return object;
}

boost::json::value convert(const toml::node& node) {
    if (const auto* table = node.as_table()) return convert_table(*table);
    if (const auto* array = node.as_array()) {
        boost::json::array list;
        for (const auto& element : *array) list.push_back(convert(element));
        return list;
    }
    if (const auto* text = node.as_string())
        return boost::json::value(std::string_view(text->get()));
    if (const auto* number = node.as_integer()) return number->get();
    if (const auto* real = node.as_floating_point()) return real->get();
    if (const auto* flag = node.as_boolean()) return flag->get();
    std::ostringstream text;
    node.visit([&](const auto& value) {
        if constexpr (toml::is_date<decltype(value)> || toml::is_time<decltype(value)> ||
                      toml::is_date_time<decltype(value)>) {
            text << value.get();
        }
    });
    return boost::json::value(text.str());
}

// A variable's text as a TOML scalar: numbers and booleans keep their type.
boost::json::value scalar(const std::string& text) {
    try {
        const auto table = toml::parse("value = " + text);
        if (const auto* node = table.get("value"); node != nullptr && table.size() == 1)
            return convert(*node);
    } catch (const toml::parse_error&) {
        // Not TOML: a bare text such as a path or host name.
    }
    return boost::json::value(text);
}

std::string variable_name(std::string_view prefix, std::string_view key) {
    std::string name(prefix);
    for (const char c : key) {
        if (c == '.') {
            name += '_';
        } else {
            name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        }
    }
    return name;
}

}  // namespace

Result<boost::json::value> parse_toml(std::string_view text, std::string_view name) {
    try {
        return convert_table(toml::parse(text, name));
    } catch (const toml::parse_error& error) {
        const auto& begin = error.source().begin;
        return fail(Errc::invalid, fmt::format("{}:{}:{}: {}", name, begin.line, begin.column,
                                               error.description()));
    }
}

Result<boost::json::value> load_toml(const std::filesystem::path& path) {
    constexpr std::size_t limit = std::size_t{1} << 20;
    TRY(const auto text, read_text_file(path, limit));
    return parse_toml(text, path.string());
}

Status overlay_environment(boost::json::value& tree, std::string_view prefix,
                           std::span<const std::string_view> keys) {
    auto* root = tree.if_object();
    if (root == nullptr) return fail(Errc::invalid, "configuration must be a table");
    for (const std::string_view key : keys) {
        const char* text =
            std::getenv(variable_name(prefix, key).c_str());  // NOLINT: read at start only
        if (text == nullptr) continue;
        const auto dot = key.find('.');
        boost::json::object* table = root;
        if (dot != std::string_view::npos) {
            auto& child = (*root)[key.substr(0, dot)];
            if (child.is_null()) child.emplace_object();
            table = child.if_object();
            if (table == nullptr) {
                return fail(Errc::invalid, fmt::format("{} must be a table", key.substr(0, dot)));
            }
        }
        (*table)[dot == std::string_view::npos ? key : key.substr(dot + 1)] = scalar(text);
    }
    return {};
}

}  // namespace strandline
