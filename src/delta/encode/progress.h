#pragma once

#include <algorithm>
#include <cstdint>
#include <exception>
#include <new>
#include <string>

#include "delta/encode.h"

namespace strandline::delta {

/// What ends encoding when its caller wants no more.
[[nodiscard]] inline Error was_cancelled() {
    return fail(Errc::cancelled, "making the delta was cancelled");
}

/// What a job that came to grief by an exception says, which ends no other one: files come from
/// outside, and want memory that may not be there.
[[nodiscard]] inline Error went_wrong(const std::exception& error) {
    const bool memory = dynamic_cast<const std::bad_alloc*>(&error) != nullptr;
    return fail(memory ? Errc::exhausted : Errc::internal,
                std::string("making the delta failed: ") +
                    (memory ? "there is no memory left for it" : error.what()));
}

/// One scale for all phases of encoding, and the question whether to go on. On the caller's thread.
class Progress {
public:
    /// `options` are borrowed.
    explicit Progress(const EncodeOptions& options, std::uint64_t size)
        : options_(&options), size_(size) {}

    /// The next phase takes this share of the whole work.
    void begin(double share) {
        begin_ += share_;
        share_ = share;
        at(0);
    }
    /// So much of the phase is done. False, for good, when the caller wants no more.
    bool at(double part) {
        report(begin_ + share_ * std::clamp(part, 0.0, 1.0));
        if (!stopped_ && options_->cancelled) stopped_ = options_->cancelled();
        return !stopped_;
    }
    bool at(std::uint64_t done, std::uint64_t all) {
        return at(all == 0 ? 1.0 : static_cast<double>(done) / static_cast<double>(all));
    }
    [[nodiscard]] bool stopped() const { return stopped_; }
    void finish() { report(1); }

private:
    void report(double whole) {
        const auto done =
            whole >= 1 ? size_ : static_cast<std::uint64_t>(whole * static_cast<double>(size_));
        if (!options_->progress || done <= reported_) return;
        reported_ = std::min(done, size_);
        options_->progress(reported_, size_);
    }

    const EncodeOptions* options_;
    std::uint64_t size_;
    std::uint64_t reported_ = 0;
    double begin_ = 0;
    double share_ = 0;
    bool stopped_ = false;
};

}  // namespace strandline::delta
