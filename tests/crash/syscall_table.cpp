#include "crash/syscall_table.h"

#include <algorithm>
#include <sys/syscall.h>

namespace strandline::crash {
namespace {

// Calls that newer architectures do without.
std::vector<SyscallInfo> old_calls() {
    std::vector<SyscallInfo> out;
#ifdef SYS_open
    out.push_back(
        {.number = SYS_open, .name = "open", .effect = Effect::open, .path = 0, .open_flags = 1});
    out.push_back({.number = SYS_creat,
                   .name = "open",
                   .effect = Effect::open,
                   .path = 0,
                   .truncates = true});
    out.push_back({.number = SYS_mkdir, .name = "mkdir", .effect = Effect::make, .path = 0});
    out.push_back({.number = SYS_rmdir, .name = "rmdir", .effect = Effect::remove, .path = 0});
    out.push_back({.number = SYS_unlink, .name = "unlink", .effect = Effect::remove, .path = 0});
    out.push_back({.number = SYS_link, .name = "link", .effect = Effect::make, .path = 1});
    out.push_back({.number = SYS_symlink, .name = "symlink", .effect = Effect::make, .path = 1});
    out.push_back({.number = SYS_rename,
                   .name = "rename",
                   .effect = Effect::rename,
                   .path = 0,
                   .to_path = 1});
#endif
#ifdef SYS_renameat
    out.push_back({.number = SYS_renameat,
                   .name = "rename",
                   .effect = Effect::rename,
                   .folder = 0,
                   .path = 1,
                   .to_folder = 2,
                   .to_path = 3});
#endif
    return out;
}

std::vector<SyscallInfo> name_calls() {
    return {
        {.number = SYS_openat,
         .name = "open",
         .effect = Effect::open,
         .folder = 0,
         .path = 1,
         .open_flags = 2},
        {.number = SYS_mkdirat, .name = "mkdir", .effect = Effect::make, .folder = 0, .path = 1},
        {.number = SYS_unlinkat,
         .name = "unlink",
         .effect = Effect::remove,
         .folder = 0,
         .path = 1},
        {.number = SYS_linkat, .name = "link", .effect = Effect::make, .folder = 2, .path = 3},
        {.number = SYS_symlinkat,
         .name = "symlink",
         .effect = Effect::make,
         .folder = 1,
         .path = 2},
        {.number = SYS_renameat2,
         .name = "rename",
         .effect = Effect::rename,
         .folder = 0,
         .path = 1,
         .to_folder = 2,
         .to_path = 3},
    };
}

std::vector<SyscallInfo> data_calls() {
    return {
        {.number = SYS_write, .name = "write", .effect = Effect::write, .fd = 0, .count = 2},
        {.number = SYS_pwrite64, .name = "write", .effect = Effect::write, .fd = 0, .count = 2},
        {.number = SYS_writev, .name = "write", .effect = Effect::write, .fd = 0},
        {.number = SYS_pwritev, .name = "write", .effect = Effect::write, .fd = 0},
        {.number = SYS_pwritev2, .name = "write", .effect = Effect::write, .fd = 0},
        {.number = SYS_sendfile, .name = "sendfile", .effect = Effect::write, .fd = 0, .count = 3},
        {.number = SYS_copy_file_range,
         .name = "copy",
         .effect = Effect::write,
         .fd = 2,
         .count = 4},
        {.number = SYS_splice, .name = "splice", .effect = Effect::write, .fd = 2, .count = 4},
        {.number = SYS_truncate, .name = "truncate", .effect = Effect::truncate, .path = 0},
        {.number = SYS_ftruncate, .name = "truncate", .effect = Effect::truncate, .fd = 0},
        {.number = SYS_fallocate, .name = "fallocate", .effect = Effect::truncate, .fd = 0},
        {.number = SYS_fsync, .name = "fsync", .effect = Effect::sync, .fd = 0},
        {.number = SYS_fdatasync, .name = "fsync", .effect = Effect::sync, .fd = 0},
        {.number = SYS_syncfs, .name = "syncfs", .effect = Effect::sync_all, .fd = 0},
        {.number = SYS_sync, .name = "sync", .effect = Effect::sync_all},
        {.number = SYS_read, .name = "read", .effect = Effect::read, .fd = 0, .count = 2},
        {.number = SYS_pread64, .name = "read", .effect = Effect::read, .fd = 0, .count = 2},
    };
}

}  // namespace

const std::vector<SyscallInfo>& syscall_table() {
    static const auto table = [] {
        auto all = name_calls();
        for (const auto& part : {old_calls(), data_calls()})
            all.insert(all.end(), part.begin(), part.end());
        return all;
    }();
    return table;
}

const SyscallInfo* find_syscall(std::uint64_t number) {
    const auto& table = syscall_table();
    const auto found = std::find_if(table.begin(), table.end(),
                                    [&](const auto& row) { return row.number == number; });
    return found == table.end() ? nullptr : &*found;
}

}  // namespace strandline::crash
