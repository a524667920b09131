#include "crash/call.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/uio.h>

namespace strandline::crash {
namespace {
namespace fs = std::filesystem;

constexpr std::size_t id_characters = 20;  // of make_id()
constexpr std::string_view deleted_mark = " (deleted)";

Result<std::string> read_text(pid_t thread, std::uint64_t address) {
    constexpr std::size_t page = 4096;
    std::string text;
    while (text.size() < PATH_MAX) {
        std::array<char, page> buffer{};
        // Up to the end of a page, since the next one may not be mapped.
        const std::size_t span = page - (address + text.size()) % page;
        iovec here{buffer.data(), span};
        // The address is the traced program's, not ours.
        // NOLINTNEXTLINE(performance-no-int-to-ptr)
        iovec there{reinterpret_cast<void*>(address + text.size()), span};
        const auto count = ::process_vm_readv(thread, &here, 1, &there, 1, 0);
        if (count <= 0) return error_from_errno("read a name of the program", errno);
        const auto end = std::find(buffer.begin(), buffer.begin() + count, '\0');
        text.append(buffer.begin(), end);
        if (end != buffer.begin() + count) return text;
    }
    return fail(Errc::invalid, "a name of the program has no end");
}

fs::path link_target(const std::string& link) {
    std::error_code error;
    return fs::read_symlink(link, error);
}

fs::path path_of_descriptor(pid_t thread, std::uint64_t fd) {
    auto text = link_target(fmt::format("/proc/{}/fd/{}", thread, static_cast<int>(fd))).string();
    // Bytes of a file without a name change nothing that a restart could see.
    if (text.ends_with(deleted_mark)) return {};
    return text;
}

fs::path absolute(pid_t thread, int folder_argument, const RawCall& raw, const fs::path& name) {
    fs::path path = name;
    if (!name.is_absolute()) {
        const bool working =
            folder_argument < 0 || static_cast<int>(raw.arguments[folder_argument]) == AT_FDCWD;
        const auto folder = working ? link_target(fmt::format("/proc/{}/cwd", thread))
                                    : path_of_descriptor(thread, raw.arguments[folder_argument]);
        path = folder / name;
    }
    while (!path.has_filename() && path.has_relative_path()) path = path.parent_path();
    std::error_code error;
    const auto parent = fs::canonical(path.parent_path(), error);
    return error ? path.lexically_normal() : parent / path.filename();
}

bool is_inside(const fs::path& path, const fs::path& root) {
    return std::mismatch(root.begin(), root.end(), path.begin(), path.end()).first == root.end();
}

/// Whether an open changes anything.
bool judge_open(Call& call, std::uint64_t flags) {
    std::error_code error;
    const bool there = fs::exists(fs::symlink_status(call.path, error));
    call.creates = (flags & O_CREAT) != 0 && !there;
    call.empties = (flags & O_TRUNC) != 0 && there;
    return call.creates || call.empties;
}

Result<fs::path> named(pid_t thread, const RawCall& raw, int folder, int path) {
    TRY(const auto name, read_text(thread, raw.arguments[path]));
    // linkat() and unlinkat() on a descriptor itself.
    if (name.empty()) return path_of_descriptor(thread, raw.arguments[folder]);
    return absolute(thread, folder, raw, name);
}

bool is_id_character(char c) { return std::isdigit(c) != 0 || (c >= 'a' && c <= 'v'); }
bool is_hex(char c) { return std::isdigit(c) != 0 || (c >= 'a' && c <= 'f'); }

/// `tmp-0a1b...` becomes `tmp-*`; a digest, or the two parts of one, `#`.
std::string stable_word(std::string_view word) {
    const auto all = [](std::string_view text, bool (*is)(char)) {
        return std::all_of(text.begin(), text.end(), is);
    };
    constexpr std::array<std::size_t, 3> digest_sizes{2, 62, 64};
    const bool digest_size =
        std::find(digest_sizes.begin(), digest_sizes.end(), word.size()) != digest_sizes.end();
    if (digest_size && all(word, is_hex)) return "#";
    if (word.size() > id_characters &&
        all(word.substr(word.size() - id_characters), is_id_character) &&
        word[word.size() - id_characters - 1] == '-') {
        return std::string(word.substr(0, word.size() - id_characters)) + "*";
    }
    return std::string(word);
}

void make_label(Call& call, const fs::path& root) {
    const auto name = [&](const fs::path& path) {
        return stable_name(path.lexically_relative(root));
    };
    call.label = fmt::format("{} {}", call.info->name, name(call.path));
    if (call.effect() == Effect::open) call.label += call.creates ? " (new)" : " (emptied)";
    if (!call.to.empty()) call.label += " -> " + name(call.to);
}

}  // namespace

bool Call::needs_space() const {
    switch (effect()) {
        case Effect::open:
            return creates;
        case Effect::write:
        case Effect::make:
            return true;
        case Effect::truncate:
            return info->name == "fallocate";
        default:
            return false;
    }
}

std::string stable_name(const fs::path& path) {
    std::string out;
    for (const auto& part : path) {
        if (!out.empty()) out += '/';
        const auto text = part.string();
        std::size_t start = 0;
        while (start <= text.size()) {
            const auto end = std::min(text.find('.', start), text.size());
            if (start > 0) out += '.';
            out += stable_word(std::string_view(text).substr(start, end - start));
            start = end + 1;
        }
    }
    return out;
}

Result<std::optional<Call>> decode(pid_t thread, const RawCall& raw, const fs::path& root) {
    Call call;
    call.raw = raw;
    call.info = find_syscall(raw.number);
    if (call.info == nullptr) return std::nullopt;
    const auto& row = *call.info;
    if (row.fd >= 0) call.path = path_of_descriptor(thread, raw.arguments[row.fd]);
    if (row.path >= 0) {
        TRY(call.path, named(thread, raw, row.folder, row.path));
    }
    if (row.to_path >= 0) {
        TRY(call.to, named(thread, raw, row.to_folder, row.to_path));
    }
    if (row.effect == Effect::sync_all) call.path = root;
    if (!is_inside(call.path, root) && (call.to.empty() || !is_inside(call.to, root)))
        return std::nullopt;
    if (row.effect == Effect::open) {
        const auto flags = row.truncates ? O_CREAT | O_TRUNC : raw.arguments[row.open_flags];
        if (!judge_open(call, flags)) return std::nullopt;
    }
    make_label(call, root);
    return call;
}

}  // namespace strandline::crash
