#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "delta/format/header.h"
#include "delta/info.h"
#include "delta/io.h"

namespace strandline::delta {

/// Writes segments, and at last what goes before them. Small deltas are kept in memory until their
/// short prologue is known; for others room is left for a long one.
class PatchWriter {
public:
    /// `patch` is borrowed; `prologue_bytes` is the length of the long form.
    PatchWriter(WriteAt& patch, std::uint64_t prologue_bytes)
        : patch_(&patch), prologue_bytes_(prologue_bytes), end_(prologue_bytes) {}

    [[nodiscard]] Status append(ByteSpan segment);
    /// Size of the delta with a long prologue.
    [[nodiscard]] std::uint64_t size() const { return end_; }
    /// Writes the prologue and sets the fields of `info` that depend on its form.
    [[nodiscard]] Status finish(DeltaInfo& info, const std::vector<IndexEntry>& index);

private:
    Status spill();

    WriteAt* patch_;
    std::uint64_t prologue_bytes_;
    std::uint64_t end_;
    Bytes kept_;
    bool spilled_ = false;
};

}  // namespace strandline::delta
