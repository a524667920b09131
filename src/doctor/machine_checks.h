#pragma once

#include <chrono>
#include <filesystem>
#include <span>

#include "base/clock.h"
#include "doctor/report.h"

// What concerns the machine: disk, files, limits, clock.
namespace strandline::doctor {

/// Space, inodes, kind and mode of the file system of `folder`; whether a file can be written and
/// synced there.
void check_disk(Report& report, const std::filesystem::path& folder);

/// That nobody but the owner can read these files, and nobody else may write in their folders.
void check_private(Report& report, std::span<const std::filesystem::path> files);

/// Files in `folder` that nothing has touched for `age`.
void check_leftovers(Report& report, const std::filesystem::path& folder, std::chrono::hours age,
                     const Clock& clock);

/// The soft limit of open files of a process (0: ours) against what the program may need.
void check_open_files(Report& report, std::uint64_t needed, int pid = 0);

/// The machine's clock against a time that somebody else told.
void check_clock(Report& report, WallTime here, WallTime there, std::string_view whose);

/// A certificate's dates.
void check_certificate(Report& report, std::string_view check, std::string_view pem,
                       const Clock& clock, std::string remedy);

}  // namespace strandline::doctor
