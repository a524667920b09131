#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/file.h"
#include "base/result.h"

namespace strandline::hub {

/// What other programs need to reach a running hub; kept in STATE/hub.json.
struct RuntimeInfo {
    std::string url;
    std::string mqtt_host;
    std::uint16_t mqtt_port = 0;
    std::string legacy_url = {};  ///< empty: not running
    std::uint16_t legacy_mqtt_port = 0;
};

[[nodiscard]] std::string to_json(const RuntimeInfo& info);
/// What a hub that serves from this folder wrote; `not_found` while none does.
[[nodiscard]] Result<RuntimeInfo> read_runtime_info(const std::filesystem::path& root);

/// For commands on a hub that exists: `not_found` unless one has started in `root`. Makes nothing.
[[nodiscard]] Status require_hub(const std::filesystem::path& root);

/// The folder of everything that a hub keeps, locked for this process. hub.json exists exactly
/// while the hub serves.
class StateFolder {
public:
    /// Makes the folder when needed. In use by another process is `conflict`.
    [[nodiscard]] static Result<StateFolder> open(const std::filesystem::path& root);
    StateFolder(StateFolder&& other) noexcept;
    StateFolder& operator=(StateFolder&&) = delete;
    ~StateFolder();

    [[nodiscard]] const std::filesystem::path& root() const { return root_; }
    [[nodiscard]] std::filesystem::path keys() const { return root_ / "keys"; }
    [[nodiscard]] std::filesystem::path tls() const { return root_ / "tls"; }
    [[nodiscard]] std::filesystem::path broker() const { return root_ / "broker"; }
    /// Root of the blob store, which makes its own folders in it.
    [[nodiscard]] std::filesystem::path blobs() const { return root_; }

    [[nodiscard]] Status publish(const RuntimeInfo& info);
    void withdraw();

private:
    StateFolder(std::filesystem::path root, LockFile lock);

    std::filesystem::path root_;
    LockFile lock_;
    bool published_ = false;
};

}  // namespace strandline::hub
