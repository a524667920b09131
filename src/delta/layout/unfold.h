#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "delta/io.h"
#include "delta/layout/deflate_stream.h"
#include "delta/layout/tensor.h"

// Compression hides what changed. A file whose deflated members stand unpacked in their places is
// its unfolded form: deltas are made between unfolded files, and the result is folded again.
namespace strandline::delta {

/// Deflated bytes of a file that come out the same when they are unpacked and packed again.
struct DeflatedMember {
    std::uint64_t offset = 0;    ///< in the file as it is
    std::uint64_t packed = 0;    ///< bytes there
    std::uint64_t unpacked = 0;  ///< bytes in the unfolded file
    DeflateParameters parameters;
};

/// The members of a zip archive (NPZ, Keras, PyTorch) that can be unfolded, by ascending offset,
/// without overlaps; those that no parameters reproduce are left out. Unpacks each member at least
/// twice. `max_unpacked`: bytes that all members together may have.
[[nodiscard]] std::vector<DeflatedMember> find_deflated(ByteSpan file, std::uint64_t max_unpacked);

/// Writes the unfolded file. Errors: those of `out`; `corrupt` when the members are not the file's.
[[nodiscard]] Status unfold(ByteSpan file, const std::vector<DeflatedMember>& members, Sink& out);

/// The tensors of the unfolded file, those in its members included.
[[nodiscard]] Layout read_unfolded_layout(ByteSpan file, const std::vector<DeflatedMember>& members,
                                          ByteSpan unfolded);

/// Takes an unfolded file, in pieces of any size, and writes the file that it came from. Memory:
/// about 400 KiB whatever the files. Members and `out` are borrowed.
class Folder final : public Sink {
public:
    Folder(const std::vector<DeflatedMember>& members, Sink& out) : members_(members), out_(out) {}

    [[nodiscard]] Status write(ByteSpan bytes) override;
    /// `corrupt` when the last member is not complete.
    [[nodiscard]] Status finish();

private:
    [[nodiscard]] Status write_plain(ByteSpan& bytes);
    [[nodiscard]] Status write_member(ByteSpan& bytes);

    const std::vector<DeflatedMember>& members_;
    Sink& out_;
    std::size_t next_ = 0;         ///< member that is being packed, or the next one
    std::uint64_t folded_at_ = 0;  ///< in the file, outside members
    std::uint64_t member_at_ = 0;  ///< in the member that is being packed
    std::optional<DeflateStream> stream_;
};

}  // namespace strandline::delta
