#pragma once

#include <cstddef>
#include <filesystem>

#include "base/bytes.h"
#include "base/result.h"

namespace strandline::delta {

/// A file in memory, read-only. Whoever shortens it meanwhile kills the process (SIGBUS), so only
/// immutable files are to be mapped.
class MappedFile {
public:
    [[nodiscard]] static Result<MappedFile> open(const std::filesystem::path& path);
    MappedFile(MappedFile&& other) noexcept;
    MappedFile& operator=(MappedFile&& other) noexcept;
    ~MappedFile();

    [[nodiscard]] ByteSpan bytes() const {
        return {static_cast<const std::byte*>(address_), size_};
    }

private:
    MappedFile(void* address, std::size_t size) : address_(address), size_(size) {}
    void* address_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace strandline::delta
