#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "base/bytes.h"
#include "base/result.h"
#include "delta/io.h"

namespace strandline::delta {

/// Asks whoever applies a delta, after so much work, whether to go on. A few bytes of a delta may
/// make many bytes, or read many.
class CancelMeter {
public:
    static constexpr std::uint64_t stride = std::uint64_t{4} << 20;

    /// `cancelled` is borrowed, and may be empty.
    explicit CancelMeter(const std::function<bool()>& cancelled) : cancelled_(&cancelled) {}

    /// So many bytes were read or made.
    [[nodiscard]] Status done(std::uint64_t bytes) {
        spent_ += bytes;
        return spent_ < stride ? Status{} : ask();
    }
    [[nodiscard]] Status ask() {
        spent_ = 0;
        if (*cancelled_ && (*cancelled_)())
            return fail(Errc::cancelled, "applying the delta was cancelled");
        return {};
    }

private:
    const std::function<bool()>* cancelled_;
    std::uint64_t spent_ = 0;
};

/// A file whose reading counts. Both are borrowed.
class MeteredReader final : public ReadAt {
public:
    MeteredReader(const ReadAt& file, CancelMeter& meter) : file_(&file), meter_(&meter) {}
    [[nodiscard]] std::uint64_t size() const override { return file_->size(); }
    [[nodiscard]] Status read_at(std::uint64_t offset, std::span<std::byte> out) const override {
        TRY(file_->read_at(offset, out));
        return meter_->done(out.size());
    }
    [[nodiscard]] ByteSpan view(std::uint64_t offset, std::uint64_t length) const override {
        return file_->view(offset, length);
    }

private:
    const ReadAt* file_;
    CancelMeter* meter_;
};

}  // namespace strandline::delta
