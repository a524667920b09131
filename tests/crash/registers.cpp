#include "crash/registers.h"

#include <algorithm>
#include <cerrno>
#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

namespace strandline::crash {
namespace {

using Registers = user_regs_struct;
using SyscallState = __ptrace_syscall_info;

Result<SyscallState> syscall_info(pid_t thread) {
    SyscallState info{};
    if (::ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info) < 0)
        return error_from_errno("ptrace(call)", errno);
    return info;
}

Status change(pid_t thread, void (*edit)(Registers&, int, std::uint64_t), int index,
              std::uint64_t value) {
    Registers registers{};
    iovec all{&registers, sizeof registers};
    if (::ptrace(PTRACE_GETREGSET, thread, NT_PRSTATUS, &all) < 0)
        return error_from_errno("ptrace(get registers)", errno);
    edit(registers, index, value);
    if (::ptrace(PTRACE_SETREGSET, thread, NT_PRSTATUS, &all) < 0)
        return error_from_errno("ptrace(set registers)", errno);
    return {};
}

#if defined(__x86_64__)
void edit_argument(Registers& registers, int index, std::uint64_t value) {
    unsigned long long* const places[] = {&registers.rdi, &registers.rsi, &registers.rdx,
                                          &registers.r10, &registers.r8,  &registers.r9};
    *places[index] = value;
}
void edit_outcome(Registers& registers, int /*index*/, std::uint64_t value) {
    registers.rax = value;
}
void edit_number(Registers& registers, int /*index*/, std::uint64_t value) {
    registers.orig_rax = value;
}
#elif defined(__aarch64__)
void edit_argument(Registers& registers, int index, std::uint64_t value) {
    registers.regs[index] = value;
}
void edit_outcome(Registers& registers, int /*index*/, std::uint64_t value) {
    registers.regs[0] = value;
}
#else
#error "crashpoint knows x86-64 and AArch64"
#endif

}  // namespace

Result<RawCall> read_call(pid_t thread) {
    TRY(const auto info, syscall_info(thread));
    if (info.op != PTRACE_SYSCALL_INFO_SECCOMP)
        return fail(Errc::internal, "the thread is not at a seccomp stop");
    RawCall call;
    call.number = info.seccomp.nr;
    std::copy(std::begin(info.seccomp.args), std::end(info.seccomp.args), call.arguments.begin());
    return call;
}

Result<std::int64_t> read_outcome(pid_t thread) {
    TRY(const auto info, syscall_info(thread));
    if (info.op != PTRACE_SYSCALL_INFO_EXIT)
        return fail(Errc::internal, "the thread is not at the stop after a call");
    return info.exit.rval;
}

Status replace_argument(pid_t thread, int index, std::uint64_t value) {
    return change(thread, edit_argument, index, value);
}

Status set_outcome(pid_t thread, std::int64_t value) {
    return change(thread, edit_outcome, 0, static_cast<std::uint64_t>(value));
}

Status skip_call(pid_t thread) {
#if defined(__x86_64__)
    return change(thread, edit_number, 0, static_cast<std::uint64_t>(-1));
#else
    int none = -1;
    iovec number{&none, sizeof none};
    if (::ptrace(PTRACE_SETREGSET, thread, NT_ARM_SYSTEM_CALL, &number) < 0)
        return error_from_errno("ptrace(skip)", errno);
    return {};
#endif
}

}  // namespace strandline::crash
