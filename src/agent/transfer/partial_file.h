#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "agent/disk/records.h"
#include "base/file.h"
#include "base/result.h"

namespace strandline::agent {

/// The bytes of an unfinished download and the journal beside them (`file`.json), which says what
/// they are part of. Blocks on the disk.
class PartialFile {
public:
    /// What is there of `target`; bytes of anything else are dropped.
    [[nodiscard]] static Result<PartialFile> open(const std::filesystem::path& file,
                                                  std::string target);

    /// Bytes that are there: where to go on.
    [[nodiscard]] std::uint64_t offset() const { return offset_; }
    [[nodiscard]] const PartialRecord& record() const { return record_; }
    [[nodiscard]] bool complete() const { return record_.size > 0 && offset_ == record_.size; }

    /// Drops the bytes and starts a download of `size` bytes that `etag` names.
    [[nodiscard]] Status restart(std::string etag, std::uint64_t size);
    /// Bytes beyond the size of the record are `corrupt` and are not written.
    [[nodiscard]] Status append(ByteSpan bytes);
    /// Bytes appended since the last sync_job().
    [[nodiscard]] std::uint64_t unsynced() const { return unsynced_; }
    /// What makes all that is there survive a power cut. It takes as long as the disk does, so it
    /// is for a worker; it outlives this.
    [[nodiscard]] std::function<Status()> sync_job();

    /// Removes file and journal.
    [[nodiscard]] static Status discard(const std::filesystem::path& file);

private:
    PartialFile(std::filesystem::path file, UniqueFd fd)
        : file_(std::move(file)), fd_(std::move(fd)) {}

    std::filesystem::path file_;
    UniqueFd fd_;
    PartialRecord record_;
    std::uint64_t offset_ = 0;
    std::uint64_t unsynced_ = 0;
};

}  // namespace strandline::agent
