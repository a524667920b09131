#pragma once

#include <filesystem>

#include "delta/io.h"

namespace strandline::delta {

/// DurableFile of a file system.
class DiskFile final : public DurableFile {
public:
    enum class Missing : std::uint8_t {
        fail,    ///< `not_found`
        create,  ///< with mode 0600, and so that its name survives a power cut
    };
    [[nodiscard]] static Result<DiskFile> open(const std::filesystem::path& path, Missing missing);
    DiskFile(DiskFile&& other) noexcept;
    DiskFile& operator=(DiskFile&& other) noexcept;
    ~DiskFile() override;

    [[nodiscard]] std::uint64_t size() const override { return size_; }
    [[nodiscard]] Status read_at(std::uint64_t offset, std::span<std::byte> out) const override;
    [[nodiscard]] Status write_at(std::uint64_t offset, ByteSpan bytes) override;
    [[nodiscard]] Status truncate(std::uint64_t size) override;
    [[nodiscard]] Status allocate(std::uint64_t size) override;
    [[nodiscard]] Status sync() override;

private:
    DiskFile(int fd, std::filesystem::path path) : fd_(fd), path_(std::move(path)) {}
    Status fill_up(std::uint64_t size);

    int fd_ = -1;
    std::uint64_t size_ = 0;
    std::filesystem::path path_;
};

}  // namespace strandline::delta
