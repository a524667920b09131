#include "hub/state/state_folder.h"

#include <unistd.h>
#include <utility>

#include "base/unfinished_files.h"

namespace strandline::hub {

Status require_hub(const std::filesystem::path& root) {
    if (std::filesystem::exists(root / "keys" / "keyset.json")) return {};
    return fail(Errc::not_found,
                root.string() + " is not a hub's state folder; give --config or --state");
}

StateFolder::StateFolder(std::filesystem::path root, LockFile lock)
    : root_(std::move(root)), lock_(std::move(lock)) {}

StateFolder::StateFolder(StateFolder&& other) noexcept
    : root_(std::move(other.root_)),
      lock_(std::move(other.lock_)),
      published_(std::exchange(other.published_, false)) {}

StateFolder::~StateFolder() { withdraw(); }

Result<StateFolder> StateFolder::open(const std::filesystem::path& root) {
    TRY(make_folders(root));
    auto lock = LockFile::acquire(root / "hub.lock");
    if (!lock) {
        auto error = std::move(lock).error();
        if (error.code == Errc::conflict) error.message += "; another hub uses this state folder";
        return error;
    }
    for (const auto* folder : {"", "keys", "keys/ca", "tls", "broker"})
        TRY(remove_unfinished_files(root / folder));
    // Left by a hub that was killed: nobody serves there any more, as the lock is ours.
    TRY(remove_file(root / "hub.json"));
    return StateFolder(std::filesystem::absolute(root), *std::move(lock));
}

Status StateFolder::publish(const RuntimeInfo& info) {
    constexpr unsigned readable = 0644;
    TRY(write_file_atomically(root_ / "hub.json", as_bytes(to_json(info)), readable));
    published_ = true;
    return {};
}

void StateFolder::withdraw() {
    if (!std::exchange(published_, false)) return;
    ignore(remove_file(root_ / "hub.json"), "the next start removes it as well");
}

}  // namespace strandline::hub
