#include <algorithm>
#include <memory>

#include "delta/apply.h"
#include "delta/apply/body_reader.h"
#include "delta/apply/cancel_meter.h"
#include "delta/apply/old_file_check.h"
#include "delta/apply/pieces.h"
#include "delta/apply/prologue.h"
#include "delta/format/crc32c.h"
#include "delta/format/header.h"
#include "delta/format/short_prologue.h"

namespace strandline::delta {
namespace {

// Bytes of the delta taken between two looks at the cancel flag.
constexpr std::size_t cancel_stride = std::size_t{1} << 20;

// Counts and hashes what reaches the caller's sink.
class HashingSink final : public Sink {
public:
    HashingSink(Sink& target, CancelMeter& meter) : target_(&target), meter_(&meter) {}

    Status write(ByteSpan bytes) override {
        TRY(target_->write(bytes));
        return count(bytes);
    }
    Status count(ByteSpan bytes) {
        hash_.update(bytes);
        size_ += bytes.size();
        return meter_->done(bytes.size());
    }
    [[nodiscard]] std::uint64_t size() const { return size_; }
    [[nodiscard]] Sha256Digest finish() { return hash_.finish(); }

private:
    Sink* target_;
    CancelMeter* meter_;
    Sha256 hash_;
    std::uint64_t size_ = 0;
};

}  // namespace

class Applier::Impl {
public:
    Impl(const ReadAt& old_file, Sink& output, ApplyOptions options)
        : options_(std::move(options)), old_file_(old_file, meter_), output_(output, meter_) {}

    Status push(ByteSpan bytes) {
        while (!bytes.empty()) {
            TRY(meter_.ask());
            const auto part = bytes.first(std::min(bytes.size(), cancel_stride));
            TRY(const auto taken, body_ ? push_body(part) : push_prologue(part));
            bytes = bytes.subspan(taken);
        }
        return {};
    }

    Status finish() {
        if (!complete()) return fail(Errc::corrupt, "delta ends early");
        const auto digest = output_.finish();
        if (output_.size() != info_->new_size || !info_->is_new(digest)) {
            return blamed(fail(Errc::corrupt,
                               "the output has a wrong SHA-256: the delta is damaged or the old "
                               "file changed meanwhile"));
        }
        info_->complete(digest);
        return {};
    }

    Result<ApplyProgress> resume(ByteSpan prologue, const ReadAt& written) {
        if (consumed_ > 0)
            return fail(Errc::invalid, "resume comes before the first bytes of the delta");
        while (!prologue.empty() && !body_) {
            TRY(const auto taken, push_prologue(prologue));
            prologue = prologue.subspan(taken);
        }
        if (!body_ || !prologue.empty())
            return fail(Errc::corrupt, "the saved prologue is damaged");
        TRY(const auto intact, intact_segments(written));
        TRY(for_each_piece(written, 0, std::min(intact * info_->segment_bytes, info_->new_size),
                           [&](ByteSpan piece) { return output_.count(piece); }));
        if (info_->body == BodyKind::segments) start_segments(intact);
        consumed_ = body_->progress().patch_offset;
        return body_->progress();
    }

    bool complete() const { return body_ && consumed_ == info_->patch_size && body_->complete(); }
    const DeltaInfo* info() const { return info_.get(); }
    ByteSpan prologue() const { return body_ ? ByteSpan(prologue_) : ByteSpan{}; }
    ApplyProgress progress() const { return body_ ? body_->progress() : ApplyProgress{}; }

    Status outcome;  // the first error stays

private:
    Result<std::size_t> push_prologue(ByteSpan bytes) {
        const std::size_t wanted = wanted_;
        const auto part = bytes.first(std::min(bytes.size(), wanted - prologue_.size()));
        prologue_.insert(prologue_.end(), part.begin(), part.end());
        consumed_ += part.size();
        if (prologue_.size() == wanted) TRY(take_prologue());
        return part.size();
    }

    // As much has come as was wanted: finds out how much more is.
    Status take_prologue() {
        if (prologue_.size() == prologue_start_bytes) {
            wanted_ = header_bytes;
            if (has_short_prologue(prologue_)) {
                TRY(wanted_, short_prologue_bytes(prologue_));
            }
            return {};
        }
        if (!info_) {
            TRY(accept_header());
            if (info_->short_prologue_bytes != 0) {
                TRY(auto prologue, parse_short_prologue(prologue_));
                short_index_ = std::move(prologue.index);
            }
            wanted_ = static_cast<std::size_t>(info_->prologue_bytes());
        }
        if (prologue_.size() == wanted_) TRY(start_body());
        return {};
    }

    Result<std::size_t> push_body(ByteSpan bytes) {
        if (bytes.size() > info_->patch_size - consumed_) {
            return fail(Errc::corrupt, "delta is longer than it declares");
        }
        if (const auto pushed = body_->push(bytes); !pushed) return blamed(pushed.error());
        consumed_ += bytes.size();
        return bytes.size();
    }

    Status accept_header() {
        TRY(auto info, parse_header(prologue_));
        TRY(check_limits(info, options_.limits));
        prologue_.reserve(static_cast<std::size_t>(info.prologue_bytes()));
        TRY(check_old(info));
        info_ = std::make_unique<DeltaInfo>(info);
        return {};
    }

    Status check_old(const DeltaInfo& info) const {
        TRY(check_old_size(old_file_, info));
        if (options_.old_check != OldCheck::first) return {};
        return check_old_hash(old_file_, info);
    }

    // What went wrong in the body, or else that the old file is to blame.
    Error blamed(Error error) const {
        const bool decoding = error.code == Errc::corrupt || error.code == Errc::invalid;
        if (options_.old_check != OldCheck::when_wrong || !decoding || !info_ ||
            info_->body == BodyKind::frame)
            return error;
        const auto old_is_right = check_old_hash(old_file_, *info_);
        return old_is_right ? error : old_is_right.error();
    }

    ByteSpan index() const {
        return info_->short_prologue_bytes != 0 ? ByteSpan(short_index_)
                                                : ByteSpan(prologue_).subspan(header_bytes);
    }

    Status start_body() {
        TRY(check_index(*info_, index()));
        if (info_->body == BodyKind::frame) {
            body_ = std::make_unique<FrameReader>(*info_, output_);
        } else {
            start_segments(0);
        }
        return {};
    }

    void start_segments(std::uint64_t first) {
        body_.reset();  // not two sets of buffers at a time
        body_ = std::make_unique<SegmentReader>(*info_, index(), old_file_, output_, first);
    }

    // Whole segments at the start of `written` whose bytes are what they should be.
    Result<std::uint64_t> intact_segments(const ReadAt& written) {
        std::uint64_t segment = 0;
        for (; segment < info_->segments(); ++segment) {
            const std::uint64_t start = segment * info_->segment_bytes;
            const std::uint64_t length =
                std::min<std::uint64_t>(info_->segment_bytes, info_->new_size - start);
            if (written.size() < start + length) break;
            std::uint32_t crc = 0;
            TRY(for_each_piece(written, start, length, [&](ByteSpan piece) -> Status {
                crc = crc32c(piece, crc);
                return meter_.done(piece.size());
            }));
            if (crc != index_entry(index(), segment).output_crc32c) break;
        }
        return segment;
    }

    ApplyOptions options_;
    CancelMeter meter_{options_.cancelled};
    MeteredReader old_file_;
    HashingSink output_;
    std::unique_ptr<DeltaInfo> info_;  // null until the header is accepted
    Bytes prologue_;
    Bytes short_index_;                          // of a short prologue, as of a long one
    std::size_t wanted_ = prologue_start_bytes;  // of the prologue
    std::unique_ptr<BodyReader> body_;
    std::uint64_t consumed_ = 0;
};

Applier::Applier(const ReadAt& old_file, Sink& output, ApplyOptions options)
    : impl_(std::make_unique<Impl>(old_file, output, std::move(options))) {}
Applier::~Applier() = default;

Status Applier::push(ByteSpan bytes) {
    if (!impl_->outcome) return impl_->outcome.error();
    auto status = impl_->push(bytes);
    if (!status) impl_->outcome = status;
    return status;
}

Status Applier::finish() {
    if (!impl_->outcome) return impl_->outcome.error();
    auto status = impl_->finish();
    if (!status) impl_->outcome = status;
    return status;
}

Result<ApplyProgress> Applier::resume(ByteSpan prologue, const ReadAt& written) {
    if (!impl_->outcome) return impl_->outcome.error();
    auto result = impl_->resume(prologue, written);
    if (!result) impl_->outcome = result.error();
    return result;
}

bool Applier::complete() const { return impl_->complete(); }
const DeltaInfo* Applier::info() const { return impl_->info(); }
ByteSpan Applier::prologue() const { return impl_->prologue(); }
ApplyProgress Applier::progress() const { return impl_->progress(); }

}  // namespace strandline::delta
