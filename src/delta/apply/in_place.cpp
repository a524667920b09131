#include "delta/in_place.h"

#include <algorithm>
#include <fmt/core.h>

#include "base/sha256.h"
#include "delta/apply/body_reader.h"
#include "delta/apply/cancel_meter.h"
#include "delta/apply/journal.h"
#include "delta/apply/pieces.h"
#include "delta/apply/prologue.h"
#include "delta/format/crc32c.h"
#include "delta/format/header.h"

namespace strandline::delta {
namespace {

Error neither() {
    return fail(Errc::conflict,
                "the file is neither the old nor the new one of this delta: it must be fetched as "
                "a whole");
}

// Output of a segment, on its way into the journal.
class JournalSink final : public Sink {
public:
    JournalSink(DurableFile& journal, CancelMeter& meter) : journal_(&journal), meter_(&meter) {}
    void rewind() { at_ = Journal::output_offset; }
    Status write(ByteSpan bytes) override {
        TRY(journal_->write_at(at_, bytes));
        at_ += bytes.size();
        return meter_->done(bytes.size());
    }

private:
    DurableFile* journal_;
    CancelMeter* meter_;
    std::uint64_t at_ = Journal::output_offset;
};

// One application under way. Segment numbers below are those of the delta; the n-th to be replaced
// is the n-th from the end when the file is replaced downwards.
class InPlace {
public:
    InPlace(DurableFile& file, DurableFile& journal_file, const ReadAt& patch, Prologue& prologue,
            const ApplyOptions& options)
        : file_(&file),
          journal_file_(&journal_file),
          patch_(&patch),
          prologue_(&prologue),
          info_(&prologue.info),
          meter_(options.cancelled),
          journal_(journal_file, sha256(prologue.bytes)) {}

    Status run() {
        TRY(const bool finished, prepare());
        if (finished) return journal_.clear();
        JournalSink output(*journal_file_, meter_);
        const MeteredReader old_file(*file_, meter_);
        SegmentReader reader(*info_, prologue_->index, old_file, output, 0);
        while (state_.done < info_->segments()) {
            TRY(meter_.ask());
            if (!state_.next_is_ready) {
                output.rewind();
                TRY(make_next(reader));
                state_.next_is_ready = true;
                TRY(journal_.note(state_));
            }
            TRY(replace_next());
            state_ = {state_.done + 1, false};
            TRY(journal_.note(state_));
        }
        return finish();
    }

private:
    // Where to go on; true when there is nothing to do.
    Result<bool> prepare() {
        TRY(const auto left, journal_.load());
        if (left) {
            state_ = *left;
            TRY(const bool fits, fits_file());
            if (fits) {
                TRY(make_room());
                return false;
            }
        }
        state_ = {};
        const bool may_be_new = file_->size() == info_->new_size;
        const bool may_be_old = file_->size() == info_->old_size;
        if (!may_be_new && !may_be_old) return neither();
        TRY(const auto hash, hash_of(file_->size()));
        if (may_be_new && info_->is_new(hash)) {
            info_->complete(hash);
            return true;
        }
        if (!may_be_old || !info_->is_old(hash)) return neither();
        TRY(start());
        return false;
    }

    // Whether the file is in the state that the journal tells of. Someone may have changed it.
    Result<bool> fits_file() {
        if (state_.done > info_->segments()) return false;
        if (state_.next_is_ready) {
            TRY(state_.next_is_ready,
                has_output(*journal_file_, Journal::output_offset, segment_at(state_.done)));
        }
        const auto largest = std::max(info_->old_size, info_->new_size);
        if (state_.done == 0 && !state_.next_is_ready) {
            // It may have grown.
            if (file_->size() < info_->old_size || file_->size() > largest) return false;
            TRY(const auto hash, hash_of(info_->old_size));
            return info_->is_old(hash);
        }
        const bool shortened = state_.done == info_->segments() && file_->size() == info_->new_size;
        if (file_->size() != largest && !shortened) return false;
        for (std::uint64_t i = 0; i < state_.done; ++i) {
            const std::uint64_t segment = segment_at(i);
            TRY(const bool intact, has_output(*file_, segment * info_->segment_bytes, segment));
            if (!intact) return false;
        }
        return true;
    }

    // Takes all the room that will be needed, and changes nothing if there is not enough.
    Status start() {
        const auto room = std::min<std::uint64_t>(info_->segment_bytes, info_->new_size);
        auto started = journal_.start(room);
        if (started) started = make_room();
        return started ? started : undo(started);
    }

    // The file is still the old one, but may have grown.
    Status undo(Status why) {
        if (file_->size() > info_->old_size) {
            TRY(file_->truncate(info_->old_size));
            TRY(file_->sync());
        }
        TRY(journal_.clear());
        return why;
    }

    Status make_room() {
        if (file_->size() >= info_->new_size) return {};
        TRY(file_->allocate(info_->new_size));
        return file_->sync();
    }

    Status make_next(SegmentReader& reader) {
        const std::uint64_t segment = segment_at(state_.done);
        reader.go_to(segment);
        auto made = for_each_piece(*patch_, reader.progress().patch_offset,
                                   index_entry(prologue_->index, segment).encoded_bytes,
                                   [&](ByteSpan piece) -> Status { return reader.push(piece); });
        if (made && reader.progress().segments == segment + 1) return {};
        if (!made && state_.done == 0) return undo(made);
        // What does not come from the delta (a disk, a cancellation) is told as it is.
        if (!made && made.error().code != Errc::corrupt && made.error().code != Errc::invalid)
            return made;
        return fail(Errc::corrupt,
                    fmt::format("{}; {} of {} segments are in place: go on with an undamaged "
                                "delta, or else fetch the file as a whole",
                                made ? "delta has a segment of nothing" : made.error().message,
                                state_.done, info_->segments()));
    }

    Status replace_next() {
        const std::uint64_t segment = segment_at(state_.done);
        std::uint64_t to = segment * info_->segment_bytes;
        TRY(for_each_piece(*journal_file_, Journal::output_offset, length_of(segment),
                           [&](ByteSpan piece) -> Status {
                               TRY(file_->write_at(to, piece));
                               to += piece.size();
                               return {};
                           }));
        return file_->sync();
    }

    Status finish() {
        TRY(const auto hash, hash_of(info_->new_size));
        if (!info_->is_new(hash)) {
            return fail(Errc::corrupt,
                        "the file has a wrong SHA-256: it is damaged, and must be fetched as a "
                        "whole");
        }
        info_->complete(hash);
        if (file_->size() > info_->new_size) {
            TRY(file_->truncate(info_->new_size));
            TRY(file_->sync());
        }
        return journal_.clear();
    }

    [[nodiscard]] std::uint64_t segment_at(std::uint64_t place) const {
        const bool down = (info_->features & feature_downwards) != 0;
        return down ? info_->segments() - 1 - place : place;
    }

    [[nodiscard]] std::uint64_t length_of(std::uint64_t segment) const {
        return std::min<std::uint64_t>(info_->segment_bytes,
                                       info_->new_size - segment * info_->segment_bytes);
    }

    // Whether the bytes at `offset` are what this segment makes.
    Result<bool> has_output(const ReadAt& source, std::uint64_t offset, std::uint64_t segment) {
        if (segment >= info_->segments() || source.size() < offset + length_of(segment))
            return false;
        std::uint32_t crc = 0;
        TRY(for_each_piece(source, offset, length_of(segment), [&](ByteSpan piece) -> Status {
            crc = crc32c(piece, crc);
            return meter_.done(piece.size());
        }));
        return crc == index_entry(prologue_->index, segment).output_crc32c;
    }

    // Of the first `size` bytes; of fewer, when there are fewer.
    Result<Sha256Digest> hash_of(std::uint64_t size) {
        Sha256 hash;
        TRY(for_each_piece(*file_, 0, std::min(size, file_->size()), [&](ByteSpan piece) -> Status {
            hash.update(piece);
            return meter_.done(piece.size());
        }));
        return hash.finish();
    }

    DurableFile* file_;
    DurableFile* journal_file_;
    const ReadAt* patch_;
    const Prologue* prologue_;
    DeltaInfo* info_;
    CancelMeter meter_;
    Journal journal_;
    JournalState state_;
};

}  // namespace

Result<DeltaInfo> apply_in_place(DurableFile& file, DurableFile& journal, const ReadAt& patch,
                                 const ApplyOptions& options) {
    TRY(auto prologue, read_prologue(patch, options.limits));
    if ((prologue.info.features & feature_in_place) == 0)
        return fail(Errc::invalid, "this delta was not made to be applied in place");
    TRY(InPlace(file, journal, patch, prologue, options).run());
    return prologue.info;
}

}  // namespace strandline::delta
