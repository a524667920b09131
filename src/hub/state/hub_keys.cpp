#include "hub/state/hub_keys.h"

#include <algorithm>
#include <fmt/core.h>
#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "trust/envelope.h"

namespace strandline::hub {
namespace {

constexpr std::size_t max_key_file = 64 * 1024;
constexpr std::size_t max_keyset_file = std::size_t{1} << 20;

std::filesystem::path key_file(const std::filesystem::path& folder, std::string_view role,
                               std::int64_t version) {
    return folder / fmt::format("{}-{}.pem", role, version);
}

Result<trust::SigningKey> load_key(const std::filesystem::path& file) {
    TRY(const auto pem, read_text_file(file, max_key_file));
    auto key = trust::SigningKey::from_pem(pem);
    if (!key) return context(file.string(), std::move(key).error());
    return key;
}

Result<trust::SigningKey> make_key(const std::filesystem::path& file) {
    TRY(auto key, trust::SigningKey::generate());
    TRY(const auto pem, key.to_pem());
    TRY(write_file_atomically(file, as_bytes(pem)));
    return key;
}

// The root key outlives key sets, and a crash may have come between it and the first set.
Result<trust::SigningKey> load_or_make_root(const std::filesystem::path& folder) {
    const auto file = folder / "root.pem";
    if (std::filesystem::exists(file)) return load_key(file);
    return make_key(file);
}

struct SetParts {
    std::int64_t version = 1;
    std::vector<trust::PublicKey> old_manifest_keys = {};
};

Result<HubKeys> make_set(const std::filesystem::path& folder, trust::SigningKey root,
                         SetParts parts) {
    TRY(auto manifest, make_key(key_file(folder, "manifest", parts.version)));
    TRY(auto desired, make_key(key_file(folder, "desired", parts.version)));
    trust::KeySet set;
    set.version = parts.version;
    set.root = {root.public_key()};
    set.manifest = {manifest.public_key()};
    for (auto& key : parts.old_manifest_keys) set.manifest.push_back(std::move(key));
    set.desired = {desired.public_key()};
    TRY(const auto envelope, trust::sign_envelope(trust::keyset_type, trust::to_json(set), root));
    auto text = trust::to_json(envelope);
    TRY(write_file_atomically(folder / "keyset.json", as_bytes(text)));
    return HubKeys{.root = std::move(root),
                   .manifest = std::move(manifest),
                   .desired = std::move(desired),
                   .keyset = std::move(set),
                   .keyset_envelope = std::move(text)};
}

Result<HubKeys> load_keys(const std::filesystem::path& folder) {
    TRY(auto text, read_text_file(folder / "keyset.json", max_keyset_file));
    TRY(const auto envelope, trust::envelope_from_json(text));
    TRY(auto set, trust::first_keyset(envelope));
    TRY(auto root, load_key(folder / "root.pem"));
    TRY(auto manifest, load_key(key_file(folder, "manifest", set.version)));
    TRY(auto desired, load_key(key_file(folder, "desired", set.version)));
    return HubKeys{.root = std::move(root),
                   .manifest = std::move(manifest),
                   .desired = std::move(desired),
                   .keyset = std::move(set),
                   .keyset_envelope = std::move(text)};
}

}  // namespace

Result<HubKeys> open_or_create_keys(const std::filesystem::path& folder) {
    TRY(make_folders(folder));
    if (std::filesystem::exists(folder / "keyset.json")) return load_keys(folder);
    TRY(auto root, load_or_make_root(folder));
    log_info("new signing keys folder={}", folder.string());
    return make_set(folder, std::move(root), {});
}

Result<HubKeys> rotate_keys(const std::filesystem::path& folder, bool keep_old_manifest_key,
                            std::int64_t min_version) {
    TRY(auto old, load_keys(folder));
    SetParts parts{.version = std::max(old.keyset.version + 1, min_version)};
    if (keep_old_manifest_key) parts.old_manifest_keys.push_back(old.manifest.public_key());
    TRY(auto made, make_set(folder, std::move(old.root), std::move(parts)));
    // Only now: the new set is in force, so the old private keys have no more use.
    TRY(remove_file(key_file(folder, "manifest", old.keyset.version)));
    TRY(remove_file(key_file(folder, "desired", old.keyset.version)));
    log_info("signing keys rotated version={}", made.keyset.version);
    return made;
}

}  // namespace strandline::hub
