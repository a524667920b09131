#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

// The system calls that can change a file system, and where their arguments stand.
namespace strandline::crash {

/// What a call does to the disk.
enum class Effect {
    open,      ///< may create or truncate
    write,     ///< of bytes to a descriptor
    truncate,  ///< or reserve: changes a descriptor's size
    sync,      ///< fsync, fdatasync
    sync_all,  ///< sync, syncfs
    make,      ///< a folder, a second name, a symbolic link
    remove,    ///< unlink, rmdir
    rename,
    read,  ///< counted only on request
};

/// One row: which argument is what; -1 where there is none.
struct SyscallInfo {
    std::uint64_t number;
    std::string_view name;
    Effect effect;
    int fd = -1;             ///< descriptor that is changed
    int folder = -1;         ///< folder descriptor of `path`; none means the working folder
    int path = -1;           ///< of the name that is changed (removed, renamed away, made)
    int to_folder = -1;      ///< folder descriptor of `to_path`
    int to_path = -1;        ///< second name: of a rename, or the new name of a link
    int count = -1;          ///< bytes to transfer, which a short transfer halves
    int open_flags = -1;     ///< open(2) flags
    bool truncates = false;  ///< creat(2)
};

/// All of them, for this architecture.
[[nodiscard]] const std::vector<SyscallInfo>& syscall_table();
[[nodiscard]] const SyscallInfo* find_syscall(std::uint64_t number);

}  // namespace strandline::crash
