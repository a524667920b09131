#include "crash/durable_image.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace strandline::crash {
namespace {
namespace fs = std::filesystem;

constexpr std::size_t max_file_bytes = std::size_t{64} << 20;

}  // namespace

bool DurableImage::Change::touches(int folder) const {
    return (gone && gone->folder == folder) || (come && come->folder == folder);
}

Result<DurableImage> DurableImage::open(const fs::path& root) {
    DurableImage image;
    image.root_ = root;
    TRY(const int node, image.adopt(root, true));
    TRY(image.scan(node, root));
    return image;
}

Status DurableImage::scan(int folder, const fs::path& path) {
    std::error_code error;
    for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
        TRY(const int node, adopt(it->path(), true));
        nodes_[folder].names[it->path().filename()] = node;
        if (nodes_[node].folder) TRY(scan(node, it->path()));
    }
    if (error) return error_from_errno("list " + path.string(), error.value());
    return {};
}

Result<int> DurableImage::adopt(const fs::path& path, bool is_durable) {
    struct stat facts {};
    if (::lstat(path.c_str(), &facts) != 0) return error_from_errno("stat " + path.string(), errno);
    const std::pair<std::uint64_t, std::uint64_t> number{facts.st_dev, facts.st_ino};
    if (const auto known = by_number_.find(number); known != by_number_.end()) return known->second;
    Node node;
    node.folder = S_ISDIR(facts.st_mode);
    const bool readable = S_ISREG(facts.st_mode) || node.folder;
    // A pipe or socket is held by its name only: it has no bytes.
    TRY(node.file, open_file(path, readable ? O_RDONLY | O_NOFOLLOW : O_PATH | O_NOFOLLOW));
    if (S_ISLNK(facts.st_mode)) node.link = fs::read_symlink(path).string();
    if (S_ISREG(facts.st_mode) && !is_durable) node.durable.emplace();
    nodes_.push_back(std::move(node));
    const int index = static_cast<int>(nodes_.size()) - 1;
    by_number_[number] = index;
    return index;
}

Result<int> DurableImage::node_at(const fs::path& path) { return adopt(path, false); }

Result<DurableImage::Place> DurableImage::place_of(const fs::path& path) {
    TRY(const int folder, node_at(path.parent_path()));
    return Place{folder, path.filename()};
}

Status DurableImage::keep_bytes(const fs::path& path) {
    TRY(const int index, node_at(path));
    auto& node = nodes_[index];
    if (node.folder || node.durable) return {};
    TRY(node.durable, bytes_of(node));
    return {};
}

Result<Bytes> DurableImage::bytes_of(const Node& node) const {
    struct stat facts {};
    if (::fstat(node.file.get(), &facts) != 0) return error_from_errno("stat", errno);
    if (!S_ISREG(facts.st_mode)) return Bytes{};
    if (static_cast<std::size_t>(facts.st_size) > max_file_bytes)
        return fail(Errc::exhausted, "a watched file is larger than 64 MiB");
    Bytes bytes(static_cast<std::size_t>(facts.st_size));
    TRY(read_exactly_at(node.file.get(), 0, bytes));
    return bytes;
}

Status DurableImage::before(const Call& call) {
    moving_ = -1;
    std::error_code error;
    switch (call.effect()) {
        case Effect::open:
            return call.empties ? keep_bytes(call.path) : Status{};
        case Effect::write:
        case Effect::truncate:
            return keep_bytes(call.path);
        case Effect::remove:
        case Effect::rename: {
            if (!fs::exists(fs::symlink_status(call.path, error))) return {};
            TRY(moving_, node_at(call.path));
            // What a rename replaces stays readable: its synced name may come back.
            if (!call.to.empty() && fs::exists(fs::symlink_status(call.to, error)))
                TRY(node_at(call.to));
            return {};
        }
        default:
            return {};
    }
}

Status DurableImage::after(const Call& call) {
    switch (call.effect()) {
        case Effect::open:
            if (!call.creates) return {};
            [[fallthrough]];
        case Effect::make: {
            Change change;
            TRY(change.node, node_at(call.path));
            TRY(change.come, place_of(call.path));
            pending_.push_back(std::move(change));
            return {};
        }
        case Effect::remove: {
            Change change;
            TRY(change.gone, place_of(call.path));
            pending_.push_back(std::move(change));
            return {};
        }
        case Effect::rename:
            return note_rename(call);
        case Effect::sync: {
            TRY(const int index, node_at(call.path));
            if (nodes_[index].folder) sync_folder_node(index);
            nodes_[index].durable.reset();
            return {};
        }
        case Effect::sync_all:
            sync_everything();
            return {};
        default:
            return {};
    }
}

Status DurableImage::note_rename(const Call& call) {
    if (moving_ < 0) return {};
    Change change;
    change.node = moving_;
    TRY(change.gone, place_of(call.path));
    TRY(change.come, place_of(call.to));
    pending_.push_back(std::move(change));
    return {};
}

void DurableImage::apply(const Change& change) {
    if (change.gone) nodes_[change.gone->folder].names.erase(change.gone->name);
    if (change.come) nodes_[change.come->folder].names[change.come->name] = change.node;
}

void DurableImage::sync_folder_node(int folder) {
    // Backwards: a change that becomes durable takes the earlier ones of its folders along.
    std::vector<int> folders{folder};
    std::vector<bool> chosen(pending_.size(), false);
    for (std::size_t i = pending_.size(); i-- > 0;) {
        const auto& change = pending_[i];
        chosen[i] = std::any_of(folders.begin(), folders.end(),
                                [&](int one) { return change.touches(one); });
        if (!chosen[i]) continue;
        if (change.gone) folders.push_back(change.gone->folder);
        if (change.come) folders.push_back(change.come->folder);
    }
    std::deque<Change> rest;
    for (std::size_t i = 0; i < pending_.size(); ++i) {
        if (chosen[i])
            apply(pending_[i]);
        else
            rest.push_back(std::move(pending_[i]));
    }
    pending_ = std::move(rest);
}

void DurableImage::sync_everything() {
    for (const auto& change : pending_) apply(change);
    pending_.clear();
    for (auto& node : nodes_) node.durable.reset();
}

Status DurableImage::build(int index, const fs::path& path, std::map<int, fs::path>& built) {
    auto& node = nodes_[index];
    if (node.folder) {
        TRY(make_folders(path));
        for (const auto& [name, child] : node.names) TRY(build(child, path / name, built));
        return {};
    }
    if (!node.link.empty()) {
        std::error_code error;
        fs::create_symlink(node.link, path, error);
        if (error) return error_from_errno("link " + path.string(), error.value());
        return {};
    }
    if (const auto other = built.find(index); other != built.end()) {
        if (::link(other->second.c_str(), path.c_str()) != 0)
            return error_from_errno("link " + path.string(), errno);
        return {};
    }
    struct stat facts {};
    if (::fstat(node.file.get(), &facts) != 0) return error_from_errno("stat", errno);
    if (!S_ISREG(facts.st_mode)) return {};
    auto bytes = node.durable ? Result<Bytes>(*node.durable) : bytes_of(node);
    if (!bytes) return std::move(bytes).error();
    TRY(const auto file, open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
    TRY(write_all(file.get(), *bytes));
    const timespec times[] = {facts.st_atim, facts.st_mtim};
    if (::fchmod(file.get(), facts.st_mode & 07777) != 0 || ::futimens(file.get(), times) != 0)
        return error_from_errno("mode of " + path.string(), errno);
    built[index] = path;
    return {};
}

Status DurableImage::restore(Lose lose) {
    if (lose == Lose::data) {
        for (const auto& change : pending_) apply(change);
        pending_.clear();
    }
    const fs::path image = root_.string() + ".image";
    std::error_code error;
    fs::remove_all(image, error);
    std::map<int, fs::path> built;
    TRY(build(0, image, built));
    fs::remove_all(root_, error);
    if (error) return error_from_errno("remove " + root_.string(), error.value());
    if (::rename(image.c_str(), root_.c_str()) != 0)
        return error_from_errno("rename " + image.string(), errno);
    return {};
}

}  // namespace strandline::crash
