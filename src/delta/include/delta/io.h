#pragma once

#include <cstdint>
#include <span>
#include <utility>

#include "base/bytes.h"
#include "base/result.h"

// The library's only view of the world: bytes in, bytes out. delta/files.h has the versions for
// files; a device without a file system brings its own.
namespace strandline::delta {

/// Bytes that can be read anywhere and do not change while they are in use.
class ReadAt {
public:
    virtual ~ReadAt() = default;
    [[nodiscard]] virtual std::uint64_t size() const = 0;
    /// Fills `out` from `offset`; bytes past the end are `corrupt`.
    [[nodiscard]] virtual Status read_at(std::uint64_t offset, std::span<std::byte> out) const = 0;
    /// The bytes themselves where they are in memory, which spares a copy; else, and past the end,
    /// nothing.
    [[nodiscard]] virtual ByteSpan view(std::uint64_t offset, std::uint64_t length) const {
        static_cast<void>(offset);
        static_cast<void>(length);
        return {};
    }
};

/// Takes bytes strictly one after the other.
class Sink {
public:
    virtual ~Sink() = default;
    [[nodiscard]] virtual Status write(ByteSpan bytes) = 0;
};

/// Takes bytes at any offset: the encoder writes its header last.
class WriteAt {
public:
    virtual ~WriteAt() = default;
    [[nodiscard]] virtual Status write_at(std::uint64_t offset, ByteSpan bytes) = 0;
    /// Drops what was written from `size` on.
    [[nodiscard]] virtual Status truncate(std::uint64_t size) = 0;
};

/// A file that is changed in place and must survive power cuts. Writes may reach the medium in any
/// order and in part, until sync() has returned.
class DurableFile : public ReadAt, public WriteAt {
public:
    /// Makes the file at least this long, with room on the medium for all of it; `exhausted` when
    /// there is none, and then the file may be longer than before.
    [[nodiscard]] virtual Status allocate(std::uint64_t size) = 0;
    /// What was done so far survives a power cut.
    [[nodiscard]] virtual Status sync() = 0;
};

/// ReadAt of bytes in memory; borrowed.
class MemoryReader final : public ReadAt {
public:
    explicit MemoryReader(ByteSpan bytes) : bytes_(bytes) {}
    [[nodiscard]] std::uint64_t size() const override { return bytes_.size(); }
    [[nodiscard]] Status read_at(std::uint64_t offset, std::span<std::byte> out) const override;
    [[nodiscard]] ByteSpan view(std::uint64_t offset, std::uint64_t length) const override;

private:
    ByteSpan bytes_;
};

/// Sink and WriteAt into memory: for tests and small models.
class MemoryWriter final : public Sink, public WriteAt {
public:
    /// Room for what is known to come.
    void reserve(std::size_t size) { bytes_.reserve(size); }
    [[nodiscard]] Status write(ByteSpan bytes) override;
    [[nodiscard]] Status write_at(std::uint64_t offset, ByteSpan bytes) override;
    [[nodiscard]] Status truncate(std::uint64_t size) override;
    [[nodiscard]] const Bytes& bytes() const { return bytes_; }
    [[nodiscard]] Bytes take() { return std::exchange(bytes_, {}); }

private:
    Bytes bytes_;
};

}  // namespace strandline::delta
