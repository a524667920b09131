#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "base/bytes.h"
#include "base/result.h"

// pread and pwrite until all is done. Errors of writing name `path`.
namespace strandline::delta {

[[nodiscard]] Status read_fully(int fd, std::uint64_t offset, std::span<std::byte> out);
[[nodiscard]] Status write_fully(int fd, std::uint64_t offset, ByteSpan bytes,
                                 const std::filesystem::path& path);

}  // namespace strandline::delta
