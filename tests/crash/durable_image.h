#pragma once

#include <deque>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/file.h"
#include "base/result.h"
#include "crash/call.h"

namespace strandline::crash {

/// What a power cut takes.
enum class Lose {
    all,   ///< unsynced bytes, and unsynced changes of names
    data,  ///< bytes only: every name is there, with the bytes that were synced
};

/// Follows one folder and knows at each moment what a power cut would leave of it. The model, which
/// README.md explains: bytes are durable once their file was synced; a change of names is durable
/// once a folder it touches was synced, together with the earlier changes it builds on. Everything
/// there at the start is durable.
class DurableImage {
public:
    /// `root` is canonical and is not changed by anybody else.
    [[nodiscard]] static Result<DurableImage> open(const std::filesystem::path& root);

    /// Before the call: keeps the bytes it is about to change.
    [[nodiscard]] Status before(const Call& call);
    /// After it succeeded.
    [[nodiscard]] Status after(const Call& call);

    /// Makes the folder what the disk holds after a power cut. Nobody may use it any more.
    [[nodiscard]] Status restore(Lose lose);

private:
    /// A file, folder or link; kept open, so that its number is not given to another one.
    struct Node {
        UniqueFd file;
        bool folder = false;
        std::string link;                  ///< target of a symbolic link
        std::optional<Bytes> durable;      ///< its synced bytes, while it has others
        std::map<std::string, int> names;  ///< of a folder: what is durably in it
    };
    struct Place {
        int folder = -1;
        std::string name;
    };
    /// One change of names that is not durable yet.
    struct Change {
        std::optional<Place> gone;
        std::optional<Place> come;
        int node = -1;
        [[nodiscard]] bool touches(int folder) const;
    };

    [[nodiscard]] Result<int> node_at(const std::filesystem::path& path);
    [[nodiscard]] Result<int> adopt(const std::filesystem::path& path, bool is_durable);
    [[nodiscard]] Result<Place> place_of(const std::filesystem::path& path);
    [[nodiscard]] Status scan(int folder, const std::filesystem::path& path);
    [[nodiscard]] Status keep_bytes(const std::filesystem::path& path);
    [[nodiscard]] Status note_rename(const Call& call);
    void sync_folder_node(int folder);
    void sync_everything();
    void apply(const Change& change);
    [[nodiscard]] Result<Bytes> bytes_of(const Node& node) const;
    [[nodiscard]] Status build(int node, const std::filesystem::path& path,
                               std::map<int, std::filesystem::path>& built);

    std::filesystem::path root_;
    std::deque<Node> nodes_;
    std::map<std::pair<std::uint64_t, std::uint64_t>, int> by_number_;
    std::deque<Change> pending_;
    int moving_ = -1;  ///< node of the rename or removal under way
};

}  // namespace strandline::crash
