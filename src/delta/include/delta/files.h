#pragma once

#include <cstdint>
#include <filesystem>

#include "base/bytes.h"
#include "base/result.h"
#include "delta/apply.h"
#include "delta/encode.h"
#include "delta/io.h"

namespace strandline::delta {

/// A file read with pread. Movable; one thread at a time or many.
class FileReader final : public ReadAt {
public:
    [[nodiscard]] static Result<FileReader> open(const std::filesystem::path& path);
    FileReader(FileReader&& other) noexcept;
    FileReader& operator=(FileReader&& other) noexcept;
    ~FileReader() override;

    [[nodiscard]] std::uint64_t size() const override { return size_; }
    [[nodiscard]] Status read_at(std::uint64_t offset, std::span<std::byte> out) const override;

private:
    FileReader(int fd, std::uint64_t size) : fd_(fd), size_(size) {}
    int fd_ = -1;
    std::uint64_t size_ = 0;
};

/// A file written with pwrite; as a Sink it appends from `start`.
class FileWriter final : public Sink, public WriteAt {
public:
    /// Creates the file (mode 0600), or opens what is there and keeps its first `keep` bytes.
    [[nodiscard]] static Result<FileWriter> open(const std::filesystem::path& path,
                                                 std::uint64_t keep = 0);
    FileWriter(FileWriter&& other) noexcept;
    FileWriter& operator=(FileWriter&& other) noexcept;
    ~FileWriter() override;

    [[nodiscard]] Status write(ByteSpan bytes) override;
    [[nodiscard]] Status write_at(std::uint64_t offset, ByteSpan bytes) override;
    [[nodiscard]] Status truncate(std::uint64_t size) override;
    /// Cuts the file to `size`; the next write() goes there.
    [[nodiscard]] Status rewind(std::uint64_t size);
    /// fsync(2): what was written survives a power cut.
    [[nodiscard]] Status sync();

private:
    FileWriter(int fd, std::uint64_t position, std::filesystem::path path);
    int fd_ = -1;
    std::uint64_t position_ = 0;
    std::filesystem::path path_;
};

/// make_delta() of files, memory-mapped. What is at `patch` is emptied once both files are open,
/// and removed after an error; neither file can be it (`invalid`). The caller renames it into
/// place.
[[nodiscard]] Result<EncodeStats> make_delta_file(const std::filesystem::path& old_file,
                                                  const std::filesystem::path& new_file,
                                                  const std::filesystem::path& patch,
                                                  const EncodeOptions& options = {});

enum class Partial : std::uint8_t {
    discard,  ///< start anew; remove the output after an error
    resume,   ///< keep intact segments of an earlier try; leave the output there after an error
};

/// Applies a delta file, syncs and checks the output at `new_file`, which neither the old file nor
/// the delta can be. The output is not to be used when this fails. The caller renames it into
/// place.
[[nodiscard]] Result<DeltaInfo> apply_delta(const std::filesystem::path& old_file,
                                            const std::filesystem::path& patch,
                                            const std::filesystem::path& new_file,
                                            const ApplyOptions& options = {},
                                            Partial partial = Partial::discard);

/// Applies a delta file without keeping the output: it would give what it says.
[[nodiscard]] Result<DeltaInfo> verify_delta(const std::filesystem::path& old_file,
                                             const std::filesystem::path& patch,
                                             const ApplyOptions& options = {});

/// apply_in_place() of files: turns the old file at `file` into the new one. `journal`, on the same
/// or another medium, is created, and removed when nothing is left to go on with. Call it again
/// after a cut, with the same journal.
[[nodiscard]] Result<DeltaInfo> apply_delta_in_place(const std::filesystem::path& file,
                                                     const std::filesystem::path& patch,
                                                     const std::filesystem::path& journal,
                                                     const ApplyOptions& options = {});

/// read_info() of a file.
[[nodiscard]] Result<DeltaInfo> read_info_file(const std::filesystem::path& patch);

}  // namespace strandline::delta
