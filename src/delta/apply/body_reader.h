#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "delta/apply.h"
#include "delta/apply/segment_decoder.h"
#include "delta/coder/zstd_codec.h"
#include "delta/info.h"
#include "delta/io.h"

namespace strandline::delta {

/// Turns the bytes after the prologue into output. One per body kind.
class BodyReader {
public:
    virtual ~BodyReader() = default;
    /// Takes bytes in order and in pieces of any size.
    [[nodiscard]] virtual Status push(ByteSpan bytes) = 0;
    [[nodiscard]] virtual bool complete() const = 0;
    [[nodiscard]] virtual ApplyProgress progress() const = 0;
};

/// Body of independent segments. A record is carried out when its last byte arrives.
class SegmentReader final : public BodyReader {
public:
    /// All are borrowed; `index` is checked. Starts at segment `first`.
    SegmentReader(const DeltaInfo& info, ByteSpan index, const ReadAt& old_file, Sink& output,
                  std::uint64_t first);

    /// Goes on with another segment, whatever became of the present one.
    void go_to(std::uint64_t segment);

    [[nodiscard]] Status push(ByteSpan bytes) override;
    [[nodiscard]] bool complete() const override { return progress_.segments == info_->segments(); }
    [[nodiscard]] ApplyProgress progress() const override { return progress_; }

private:
    void begin_segment();
    Status end_segment();
    Result<std::size_t> take_head(ByteSpan bytes);
    Result<std::size_t> take_body(ByteSpan bytes);

    const DeltaInfo* info_;
    ByteSpan index_;
    SegmentDecoder decoder_;
    ApplyProgress progress_;
    std::uint64_t left_ = 0;  // encoded bytes of this segment
    Bytes record_;            // head or body of the record under way
    bool in_body_ = false;
    std::uint8_t kind_ = 0;
    std::size_t body_bytes_ = 0;
};

/// Body of one zstd frame.
class FrameReader final : public BodyReader {
public:
    FrameReader(const DeltaInfo& info, Sink& output);

    [[nodiscard]] Status push(ByteSpan bytes) override;
    [[nodiscard]] bool complete() const override { return ended_; }
    [[nodiscard]] ApplyProgress progress() const override { return progress_; }

private:
    const DeltaInfo* info_;
    Sink* output_;
    ZstdFrameReader zstd_;
    Bytes window_;
    ApplyProgress progress_;
    std::uint64_t made_ = 0;
    bool ended_ = false;
};

}  // namespace strandline::delta
