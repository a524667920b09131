#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <fmt/core.h>
#include <future>
#include <optional>
#include <vector>

#include "delta/encode.h"
#include "delta/encode/in_place_plan.h"
#include "delta/encode/patch_writer.h"
#include "delta/encode/plain_encoder.h"
#include "delta/encode/progress.h"
#include "delta/encode/segment_pipeline.h"
#include "delta/format/crc32c.h"
#include "delta/format/header.h"
#include "delta/info.h"

namespace strandline::delta {
namespace {

constexpr std::uint32_t min_decoder_memory = 512u << 10;
// With less, memory is better spent on longer blocks than on factors.
constexpr std::uint32_t min_factors_memory = 2u << 20;
constexpr std::uint32_t min_block_bytes = 16u << 10;
constexpr std::uint32_t max_encoder_block_bytes = 512u << 10;  // larger ones gain less than 0.1 %
constexpr std::uint64_t small_file_bytes = std::uint64_t{32} << 20;
constexpr std::uint64_t large_file_bytes = std::uint64_t{256} << 20;

constexpr unsigned max_threads = 64;

Status check_options(const EncodeOptions& options) {
    constexpr int max_level = 19;
    constexpr std::uint32_t most_wanted = 4u << 20;
    if (options.segment_bytes < min_segment_bytes || options.segment_bytes > most_wanted) {
        return fail(Errc::invalid, "segment_bytes must be 64 KiB to 4 MiB");
    }
    if (options.level < 0 || options.level > max_level) {
        return fail(Errc::invalid, "level must be 1 to 19, or 0 to choose by file size");
    }
    if (options.threads < 1 || options.threads > max_threads) {
        return fail(Errc::invalid, "threads must be 1 to 64");
    }
    if (options.max_decoder_memory < min_decoder_memory) {
        return fail(Errc::invalid, "max_decoder_memory must be at least 512 KiB");
    }
    return {};
}

// Levels that keep the time of even the worst data within minutes.
int level_for(const EncodeOptions& options, std::uint64_t new_size) {
    if (options.level != 0) return options.level;
    if (new_size <= small_file_bytes) return 19;
    return new_size <= large_file_bytes ? 9 : 5;
}

// One delta under way.
class Encoder {
public:
    Encoder(ByteSpan old_file, ByteSpan new_file, WriteAt& patch, const EncodeOptions& options)
        : old_file_(old_file),
          new_file_(new_file),
          patch_(&patch),
          options_(options),
          progress_(options_, new_file.size()) {}

    Result<EncodeStats> run() {
        info_.segment_bytes = segment_bytes();
        info_.old_size = old_file_.size();
        info_.new_size = new_file_.size();
        TRY(hash_files());
        TRY(write_segments());
        TRY(join_segments_of_tiny());
        TRY(replace_if_plain_is_smaller());
        TRY(write_prologue());
        progress_.finish();
        stats_.new_size = info_.new_size;
        stats_.patch_size = info_.patch_size;
        stats_.decoder_memory = info_.decoder_memory;
        stats_.breakdown[Coding::prologue].delta_bytes = info_.prologue_bytes();
        stats_.tensors = plan_->counts;
        stats_.full_file_is_better =
            static_cast<double>(info_.patch_size) >
            options_.worthwhile_ratio * static_cast<double>(info_.new_size);
        return stats_;
    }

private:
    // The index, which a reader holds in memory, must not grow with the file.
    std::uint32_t segment_bytes() const {
        constexpr std::uint64_t max_segments = 4096;
        std::uint32_t bytes = options_.segment_bytes;
        while (bytes < max_segment_bytes && new_file_.size() / bytes >= max_segments) bytes *= 2;
        return std::min(bytes, max_segment_bytes);
    }

    // With threads, both at once.
    Status hash_files() {
        constexpr double share = 0.1;
        constexpr std::chrono::milliseconds patience(50);  // between two looks at the cancel flag
        const std::uint64_t old_bytes = options_.old_sha256 ? 0 : old_file_.size();
        const std::uint64_t new_bytes = options_.new_sha256 ? 0 : new_file_.size();
        progress_.begin(old_bytes + new_bytes == 0 ? 0 : share);
        std::atomic<std::uint64_t> hashed = 0;
        const auto go_on = [&] { return progress_.at(hashed, old_bytes + new_bytes); };
        if (options_.threads <= 1) {
            TRY(info_.old_sha256, hash_of(old_file_, options_.old_sha256, hashed, go_on));
            TRY(info_.new_sha256, hash_of(new_file_, options_.new_sha256, hashed, go_on));
            return {};
        }
        std::atomic<bool> stopped = false;
        auto old_hash = std::async(std::launch::async, [&] {
            return hash_of(old_file_, options_.old_sha256, hashed, [&] { return !stopped.load(); });
        });
        auto new_hash = hash_of(new_file_, options_.new_sha256, hashed, go_on);
        while (old_hash.wait_for(patience) != std::future_status::ready)
            stopped = stopped || !new_hash || !go_on();
        TRY(info_.old_sha256, old_hash.get());
        TRY(info_.new_sha256, std::move(new_hash));
        return {};
    }

    template <class GoOn>
    static Result<Sha256Digest> hash_of(ByteSpan bytes, const std::optional<Sha256Digest>& known,
                                        std::atomic<std::uint64_t>& hashed, const GoOn& go_on) {
        constexpr std::size_t piece_bytes = std::size_t{4} << 20;
        if (known) return *known;
        Sha256 hash;
        while (!bytes.empty()) {
            if (!go_on()) return was_cancelled();
            const auto piece = bytes.first(std::min(bytes.size(), piece_bytes));
            hash.update(piece);
            hashed += piece.size();
            bytes = bytes.subspan(piece.size());
        }
        return hash.finish();
    }

    // Layouts may be looked for twice, and tensors compared.
    Status plan() {
        constexpr double share = 0.1;
        progress_.begin(share);
        const std::uint64_t most = 2 * (old_file_.size() + new_file_.size());
        WorkMeter meter([&](std::uint64_t bytes) { return progress_.at(bytes, most); });
        plan_ = plan_tensors(old_file_, new_file_, meter);
        if (!progress_.at(1.0)) return was_cancelled();
        if (options_.in_place) plan_in_place();
        find_kinds(*plan_);
        return {};
    }

    // Four buffers of a block's size (record, block, scratch, reference) and the fixed part.
    Result<BlockLimits> block_limits() const {
        DeltaInfo most = info_;
        most.features = feature_numbers;
        const bool factors = options_.max_decoder_memory >= min_factors_memory;
        // LZMA takes two more buffers of a block's size.
        if (factors)
            most.features |= feature_factors | feature_lzma | feature_mixer | feature_scripts;
        const std::uint64_t fixed = required_memory(most) + record_overhead_bytes;
        if (options_.max_decoder_memory < fixed + 4 * std::uint64_t{min_block_bytes}) {
            return fail(Errc::invalid,
                        fmt::format("max_decoder_memory must be at least {} for a file of {} bytes",
                                    fixed + 4 * std::uint64_t{min_block_bytes}, info_.new_size));
        }
        BlockLimits limits;
        limits.factors = factors;
        limits.lzma = factors;
        limits.mixer = factors;
        limits.scripts = factors;
        constexpr std::uint64_t grain = 1024;
        const auto share =
            (options_.max_decoder_memory - fixed) * 4 / (factors ? 29 : 16) / grain * grain;
        limits.block_bytes = static_cast<std::uint32_t>(
            std::min<std::uint64_t>({share, max_encoder_block_bytes, options_.segment_bytes}));
        // Predictions take some old bytes beside those in the place of the block.
        limits.reference_bytes = limits.block_bytes + (factors ? limits.block_bytes / 8 : 0);
        limits.level = level_for(options_, info_.new_size);
        limits.thorough = info_.new_size <= small_file_bytes;
        return limits;
    }

    // Only with old values that are there when their segment is coded.
    void plan_in_place() {
        auto& parts = plan_->parts;
        info_.features = feature_in_place;
        if (better_downwards(parts, info_.new_size, old_access(info_)))
            info_.features |= feature_downwards;
        parts = parts_in_place(parts, old_access(info_));
        // Some of what aligns is gone when it is needed.
        plan_->spans.clear();
    }

    Status write_segments() {
        TRY(const BlockLimits limits, block_limits());
        const bool again = plan_.has_value();
        if (!again) {
            constexpr double share = 0.75;
            TRY(plan());
            progress_.begin(share);
        }
        SegmentJob job{old_file_,         new_file_,           limits,          &*plan_,
                       old_access(info_), info_.segment_bytes, options_.threads};
        job.report = [&](std::uint64_t done) {
            return again ? progress_.at(1.0) : progress_.at(done, info_.new_size);
        };
        segments_.emplace(*patch_, info_.prologue_bytes());
        TRY(const auto totals, encode_segments(job, [&](const EncodedSegment& segment) -> Status {
                TRY(segments_->append(segment.records));
                index_.push_back(
                    {static_cast<std::uint32_t>(segment.records.size()), segment.output_crc32c});
                if (!job.report(segment.end)) return was_cancelled();
                return {};
            }));
        info_.patch_size = segments_->size();
        const auto& blocks = totals.blocks;
        info_.record_bytes = std::max(blocks.record_bytes, record_overhead_bytes);
        info_.block_bytes = blocks.block_bytes;
        info_.reference_bytes = blocks.reference_bytes;
        constexpr std::uint8_t of_place = feature_in_place | feature_downwards;
        info_.features = static_cast<std::uint8_t>((info_.features & of_place) | blocks.features);
        stats_.breakdown = totals.breakdown;
        return {};
    }

    // Who has the whole delta after one packet need not fear to begin again; segments cost more
    // than their copies there.
    Status join_segments_of_tiny() {
        constexpr std::uint64_t tiny_bytes = 4096;
        if (info_.patch_size > tiny_bytes || info_.segments() < 2 || options_.in_place) return {};
        info_.segment_bytes = max_segment_bytes;
        // Those of the segments that are left behind; the limits of the next ones count from none.
        info_.record_bytes = info_.block_bytes = info_.reference_bytes = 0;
        index_.clear();
        return write_segments();
    }

    // Never worse than the new file alone. A fast level, and what the slow one gains on a sample,
    // tell first whether the slow one has a chance.
    Status replace_if_plain_is_smaller() {
        if (options_.in_place) return {};
        constexpr std::uint64_t margin = 64;
        const std::uint64_t rival =
            info_.patch_size - std::min(info_.patch_size, header_bytes + margin);
        // Even very regular data does not shrink below this.
        constexpr std::uint64_t regular_share = 1000;
        if (rival <= info_.new_size / regular_share) return {};
        const auto window_log = plain_window_log();
        if (!window_log || !plain_may_win(new_file_, rival)) return {};
        PlainOptions options;
        progress_.begin(0.05);
        options.cancelled = [&] { return !progress_.at(0.5); };
        options.window_log = *window_log;
        options.level = 3;
        constexpr std::uint64_t most_gain = 2;
        TRY(const auto quick, plain_size(new_file_, most_gain * rival, options));
        if (!quick ||
            static_cast<double>(*quick) > plain_gain(new_file_) * static_cast<double>(rival))
            return {};
        options.level = info_.new_size <= large_file_bytes ? 19 : 9;
        TRY(const auto best, plain_size(new_file_, rival, options));
        if (!best) return {};
        return write_frame(options);
    }

    // The largest window, up to that of level 19, that fits the applier's memory.
    std::optional<unsigned> plain_window_log() const {
        constexpr unsigned best_window_log = 23;
        constexpr unsigned least_window_log = 10;
        DeltaInfo frame = info_;
        frame.body = BodyKind::frame;
        frame.features = 0;
        frame.block_bytes = frame.reference_bytes = frame.record_bytes = 0;
        const auto fixed = required_memory(frame);
        if (options_.max_decoder_memory < fixed + (1u << least_window_log)) return std::nullopt;
        const auto room = options_.max_decoder_memory - fixed;
        const auto needed = static_cast<unsigned>(std::bit_width(info_.new_size));
        return std::clamp(std::min(needed, static_cast<unsigned>(std::bit_width(room)) - 1),
                          least_window_log, best_window_log);
    }

    Status write_frame(const PlainOptions& options) {
        info_.body = BodyKind::frame;
        info_.features = 0;
        info_.record_bytes = info_.block_bytes = 0;
        info_.reference_bytes = 1u << options.window_log;
        index_.clear();
        segments_.reset();
        TRY(patch_->truncate(0));
        TRY(const auto size, write_plain(new_file_, *patch_, header_bytes, options));
        info_.patch_size = header_bytes + size;
        stats_.breakdown = {};
        stats_.breakdown[Coding::frame] = {info_.new_size, size};
        stats_.without_old = true;
        return {};
    }

    Status write_prologue() {
        if (segments_) return segments_->finish(info_, index_);
        info_.decoder_memory = static_cast<std::uint32_t>(required_memory(info_));
        return patch_->write_at(0, write_header(info_));
    }

    ByteSpan old_file_;
    ByteSpan new_file_;
    WriteAt* patch_;
    std::optional<PatchWriter> segments_;  // nothing for a frame
    const EncodeOptions& options_;
    Progress progress_;
    DeltaInfo info_;
    std::optional<TensorPlan> plan_;
    std::vector<IndexEntry> index_;
    EncodeStats stats_;
};

}  // namespace

EncodeOptions small_profile() {
    EncodeOptions options;
    options.segment_bytes = 1u << 20;
    options.max_decoder_memory = min_decoder_memory;
    return options;
}

Result<EncodeStats> make_delta(ByteSpan old_file, ByteSpan new_file, WriteAt& patch,
                               const EncodeOptions& options) {
    TRY(check_options(options));
    if (old_file.size() > max_file_bytes || new_file.size() > max_file_bytes) {
        return fail(Errc::invalid, "files of more than 256 TiB are not supported");
    }
    try {
        return Encoder(old_file, new_file, patch, options).run();
    } catch (const std::exception& error) {
        return went_wrong(error);
    }
}

}  // namespace strandline::delta
