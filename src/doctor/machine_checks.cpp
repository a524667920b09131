#include "doctor/machine_checks.h"

#include <array>
#include <fmt/core.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/ids.h"
#include "trust/authority.h"

namespace strandline::doctor {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t megabyte = 1'000'000;
constexpr std::uint64_t least_free_bytes = 200 * megabyte;
constexpr std::uint64_t wanted_free_bytes = 2000 * megabyte;
constexpr std::uint64_t wanted_free_inodes = 10'000;

struct KnownFileSystem {
    long magic;
    const char* name;
    const char* harm;  ///< null: none
};

// statfs(2) names these numbers.
constexpr auto known_file_systems = std::to_array<KnownFileSystem>({
    {0xEF53, "ext4", nullptr},
    {0x58465342, "xfs", nullptr},
    {0x9123683E, "btrfs", nullptr},
    {0xF2F52010, "f2fs", nullptr},
    {0x2FC12FC1, "zfs", nullptr},
    {0x794C7630, "overlayfs", "its content may end with the container; use a volume"},
    {0x01021994, "tmpfs", "its content ends with the machine"},
    {0x6969, "nfs", "locks and fsync over a network are not what the database needs"},
    {0xFF534D42, "cifs", "locks and fsync over a network are not what the database needs"},
    {0x4D44, "vfat", "it keeps neither file modes nor hard links"},
});

void check_kind(Report& report, const fs::path& folder) {
    struct statfs facts {};
    if (::statfs(folder.c_str(), &facts) != 0) return;
    for (const auto& known : known_file_systems) {
        if (known.magic != static_cast<long>(facts.f_type)) continue;
        if (known.harm == nullptr) return report.ok("file system", known.name);
        return report.warn("file system", fmt::format("{}: {}", known.name, known.harm),
                           "put the state folder on a local disk with ext4, xfs or btrfs");
    }
    report.ok("file system", fmt::format("of kind {:#x}", facts.f_type));
}

void check_space(Report& report, const fs::path& folder, const struct statvfs& facts) {
    const auto free = static_cast<std::uint64_t>(facts.f_bavail) * facts.f_frsize;
    const auto text = fmt::format("{} MB free in {}", free / megabyte, folder.string());
    if (free < least_free_bytes) {
        report.fault("disk space", text, "free some space, or enlarge the disk");
    } else if (free < wanted_free_bytes) {
        report.warn("disk space", text, "models come in full size too: free some space soon");
    } else {
        report.ok("disk space", text);
    }
    // File systems without a fixed table of inodes say zero.
    if (facts.f_files == 0) return;
    const auto inodes = fmt::format("{} free", facts.f_favail);
    if (facts.f_favail < wanted_free_inodes) {
        report.warn("inodes", inodes, "each blob is a file: remove small files elsewhere");
    } else {
        report.ok("inodes", inodes);
    }
}

Status write_and_sync(const fs::path& folder) {
    const auto file = folder / make_id("doctor");
    auto written = write_file_atomically(file, as_bytes("strandline doctor\n"));
    TRY(remove_file(file));
    return written;
}

void check_mode(Report& report, const fs::path& file) {
    struct stat facts {};
    if (::stat(file.c_str(), &facts) != 0) {
        report.fault("file modes", error_from_errno(file.string(), errno).message,
                     "restore it from a backup");
    } else if ((facts.st_mode & 077) != 0) {
        report.fault("file modes",
                     fmt::format("{} has mode {:04o}: others can get at it", file.string(),
                                 facts.st_mode & 07777),
                     fmt::format("chmod 600 {}", file.string()));
    }
}

}  // namespace

void check_disk(Report& report, const fs::path& folder) {
    struct statvfs facts {};
    if (::statvfs(folder.c_str(), &facts) != 0) {
        return report.fault("disk", error_from_errno(folder.string(), errno).message,
                            "check that the folder exists and its disk is mounted");
    }
    check_kind(report, folder);
    check_space(report, folder, facts);
    if ((facts.f_flag & ST_RDONLY) != 0) {
        return report.fault("writing", "the file system is mounted read-only",
                            "look for disk errors in the kernel log, then mount it writable");
    }
    report.judge("writing", write_and_sync(folder), "a file can be written, synced and renamed",
                 "run as the owner of the folder, and check the disk");
}

void check_private(Report& report, std::span<const fs::path> files) {
    const auto before = report.findings().size();
    for (const auto& file : files) check_mode(report, file);
    if (report.findings().size() == before)
        report.ok("file modes", fmt::format("{} secret files are the owner's alone", files.size()));
}

void check_leftovers(Report& report, const fs::path& folder, std::chrono::hours age,
                     const Clock& clock) {
    std::size_t count = 0;
    std::error_code failed;
    for (fs::directory_iterator at(folder, failed), end; !failed && at != end;
         at.increment(failed)) {
        struct stat facts {};
        if (::stat(at->path().c_str(), &facts) != 0) continue;
        const WallTime changed{std::chrono::seconds(facts.st_mtim.tv_sec)};
        if (clock.wall() - changed > age) ++count;
    }
    if (count == 0) return report.ok("leftovers", "none in " + folder.string());
    report.warn(
        "leftovers",
        fmt::format("{} files in {} are older than {} hours", count, folder.string(), age.count()),
        "they go at the next start or when their upload expires; restart if they do not");
}

void check_open_files(Report& report, std::uint64_t needed, int pid) {
    rlimit limit{};
    if (::prlimit(pid, RLIMIT_NOFILE, nullptr, &limit) != 0) {
        return report.warn("open files", error_from_errno("read the limit", errno).message,
                           "run as the user of the service");
    }
    const auto text = fmt::format("{} allowed, {} may be needed", limit.rlim_cur, needed);
    if (limit.rlim_cur >= needed) return report.ok("open files", text);
    report.warn("open files", text,
                fmt::format("set LimitNOFILE={} in the service's unit, or ulimit -n", needed));
}

void check_clock(Report& report, WallTime here, WallTime there, std::string_view whose) {
    using std::chrono::seconds;
    const auto apart = std::chrono::duration_cast<seconds>(here - there);
    const auto size = std::chrono::abs(apart);
    const auto text =
        fmt::format("{} s {} {}", size.count(), apart < seconds(0) ? "behind" : "ahead of", whose);
    constexpr seconds harmless{30};
    constexpr seconds breaks_certificates{3600};
    if (size <= harmless) return report.ok("clock", text);
    if (size <= breaks_certificates)
        return report.warn("clock", text,
                           "set up time synchronisation (chrony, systemd-timesyncd)");
    report.fault("clock", text,
                 "certificates and tokens are judged by it: set up time synchronisation");
}

void check_certificate(Report& report, std::string_view check, std::string_view pem,
                       const Clock& clock, std::string remedy) {
    const auto read = trust::read_certificate(pem);
    if (!read) return report.fault(check, read.error().message, std::move(remedy));
    const auto now = clock.wall();
    const auto left = std::chrono::duration_cast<std::chrono::days>(read->not_after - now);
    const auto life = read->not_after - read->not_before;
    const auto text = fmt::format("{} until {}", read->common_name, to_rfc3339(read->not_after));
    if (now > read->not_after) return report.fault(check, "expired: " + text, std::move(remedy));
    if (now < read->not_before)
        return report.fault(check, "not valid yet: " + text, "check the clock");
    // It is renewed at two thirds of its life, so less than a sixth means that this does not work.
    if (read->not_after - now < life / 6) {
        return report.warn(check, fmt::format("{} days left: {}", left.count(), text),
                           std::move(remedy));
    }
    report.ok(check, text);
}

}  // namespace strandline::doctor
