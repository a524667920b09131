#include <fmt/core.h>

#include "base/json.h"
#include "trust/json_fields.h"
#include "trust/keyset.h"

namespace strandline::trust {
namespace {

constexpr std::size_t max_keyset_bytes = std::size_t{64} * 1024;
constexpr std::size_t max_keys = 16;

boost::json::array keys_json(const std::vector<PublicKey>& keys) {
    boost::json::array out;
    for (const auto& key : keys) out.emplace_back(to_base64(key.bytes));
    return out;
}

std::vector<PublicKey> read_keys(JsonReader& in, std::string_view role) {
    std::vector<PublicKey> keys;
    for (const auto& text : read_texts(in, role, max_keys)) {
        const auto bytes = from_base64(text);
        const auto key = bytes ? PublicKey::from_bytes(*bytes) : Result<PublicKey>(bytes.error());
        if (!key) {
            in.reject(role, "has an entry that is not the base64 of a 32-byte Ed25519 key");
            return {};
        }
        keys.push_back(*key);
    }
    if (keys.empty()) in.reject(role, "needs at least one key");
    return keys;
}

}  // namespace

std::string to_json(const KeySet& keys) {
    return write_json(boost::json::object{{"format", 1},
                                          {"version", keys.version},
                                          {"root", keys_json(keys.root)},
                                          {"manifest", keys_json(keys.manifest)},
                                          {"desired", keys_json(keys.desired)}});
}

Result<KeySet> keyset_from_json(std::string_view json) {
    TRY(const auto value,
        parse_json(json, "keyset", {.max_bytes = max_keyset_bytes, .max_depth = 3}));
    JsonReader in(value, "keyset");
    KeySet keys;
    require_format(in);
    keys.version = in.integer("version", 1, max_json_integer);
    keys.root = read_keys(in, "root");
    keys.manifest = read_keys(in, "manifest");
    keys.desired = read_keys(in, "desired");
    TRY(in.finish_lenient());
    return keys;
}

}  // namespace strandline::trust
