#include "delta/encode/block_encoder.h"

#include <algorithm>
#include <array>

#include "delta/coder/coders.h"
#include "delta/coder/lzma_codec.h"
#include "delta/coder/sparse_coder.h"
#include "delta/encode/lzma_models.h"
#include "delta/encode/old_windows.h"
#include "delta/format/header.h"

namespace strandline::delta {
namespace {

// Fewer bytes are not worth a record of their own with windows and a frame.
constexpr std::uint64_t min_coded_bytes = 40;
// What is coded to see whether the match search pays.
constexpr std::uint64_t sample_bytes = 64u << 10;
constexpr int sample_level = 3;
// The sample is coded at a low level and sees less, so it may be this much worse.
constexpr double sample_allowance = 1.06;
// Coder, length, windows and record head in front of a payload, about.
constexpr std::uint64_t coded_head_bytes = 12;

bool is_plain(const Candidate& candidate) {
    return candidate.mode.transform == Transform::none && candidate.mode.word_log == 0;
}

}  // namespace

std::uint64_t BlockEncoder::Choice::cost() const {
    return raw ? end - begin : payload.size() + coded_head_bytes;
}

void BlockEncoder::Totals::add(const Totals& more) {
    record_bytes = std::max(record_bytes, more.record_bytes);
    block_bytes = std::max(block_bytes, more.block_bytes);
    reference_bytes = std::max(reference_bytes, more.reference_bytes);
    features |= more.features;
}

BlockEncoder::BlockEncoder(ByteSpan old_file, ByteSpan new_file, const BlockLimits& limits,
                           std::function<bool()> stopped, const std::vector<TensorPart>& kinds,
                           KindHabits& habits)
    : old_file_(old_file),
      new_file_(new_file),
      at_hand_{0, old_file.size()},
      limits_(limits),
      stopped_(std::move(stopped)),
      planner_(old_file, new_file, limits.thorough),
      tensors_(old_file, new_file, {limits.block_bytes, limits.reference_bytes, limits.factors},
               stopped_, kinds, habits, numbers_),
      scratch_(limits.block_bytes) {}

bool BlockEncoder::encode(const Gap& gap, const OldCursor& cursor, bool may_decline, Bytes& out) {
    const std::uint64_t length = gap.end - gap.begin;
    if (length < min_coded_bytes) {
        if (may_decline) return false;
        append({gap.begin, gap.end, true, {}, {}}, cursor, out);
        return true;
    }
    if (gap.part != nullptr) {
        const auto choice = encode_tensor(gap, may_decline);
        if (choice) append(*choice, cursor, out);
        return choice.has_value();
    }
    // Text and tables: nothing else comes near.
    if (may_decline && matches_win(gap, length / 4)) return false;
    const auto before = numbers_.snapshot();
    std::vector<Choice> choices;
    std::uint64_t total = 0;
    for (const auto& run : planner_.plan(gap.begin, gap.end, gap.shifts)) {
        choices.push_back(encode_run(gap, run, !may_decline));
        total += choices.back().cost();
    }
    if (may_decline && matches_win(gap, total)) {
        numbers_.restore(*before);
        return false;
    }
    if (!may_decline && choices.size() > 1) {
        const bool promising = limits_.thorough || lz_may_win(gap, choices.front());
        auto whole = promising ? encode_lz(gap, gap.begin, gap.end, limits_.level)
                               : Choice{gap.begin, gap.end, true, {}, {}};
        if (whole.cost() <= total) {
            choices.clear();
            numbers_.restore(*before);
            choices.push_back(std::move(whole));
        }
    }
    for (const auto& choice : choices) append(choice, cursor, out);
    return true;
}

bool BlockEncoder::encode_whole(const Gap& gap, const OldCursor& cursor, std::size_t limit,
                                Bytes& out) {
    const auto whole = encode_lz(gap, gap.begin, gap.end, limits_.level);
    if (whole.raw || whole.cost() >= limit) return false;
    append(whole, cursor, out);
    return true;
}

BlockEncoder::Choice BlockEncoder::encode_run(const Gap& gap, const Run& run, bool matches) {
    Choice best{run.begin, run.end, true, {}, {}};
    if (!is_plain(run.candidate)) {
        auto planes = encode_planes_run(run);
        if (planes.cost() < best.cost()) best = std::move(planes);
    }
    auto numbers = encode_numbers_run(run, gap.shifts.empty() ? 0 : gap.shifts.front());
    if (numbers.cost() < best.cost()) best = std::move(numbers);
    if (matches && lz_may_win(gap, best)) {
        auto lz = encode_lz(gap, run.begin, run.end, limits_.level);
        if (lz.cost() < best.cost()) best = std::move(lz);
    }
    if (!best.raw && best.record.coder == static_cast<std::uint8_t>(CoderId::numbers)) {
        numbers_.keep(std::move(pending_));
    }
    return best;
}

BlockEncoder::Choice BlockEncoder::encode_planes_run(const Run& run) {
    const std::uint64_t length = run.end - run.begin;
    Choice choice{run.begin, run.end, false, {}, {}};
    choice.record.coder = static_cast<std::uint8_t>(CoderId::planes);
    choice.record.length = length;
    ByteSpan old;
    if (run.candidate.mode.transform != Transform::none) {
        const std::uint64_t old_begin = run.begin + run.candidate.shift;
        old = old_file_.subspan(old_begin, length);
        choice.record.windows = {{old_begin, length}};
    }
    const auto block = new_file_.subspan(run.begin, length);
    encode_planes(block, old, run.candidate.mode, zstd_, scratch_, choice.payload);
    Bytes sparse;
    if (!old.empty() && encode_sparse(block, old, run.candidate.mode, zstd_, scratch_, sparse) &&
        sparse.size() < choice.payload.size()) {
        choice.record.coder = static_cast<std::uint8_t>(CoderId::sparse);
        choice.payload = std::move(sparse);
    }
    return choice;
}

BlockEncoder::Choice BlockEncoder::encode_numbers_run(const Run& run, std::uint64_t shift) {
    const std::uint64_t length = run.end - run.begin;
    Choice choice{run.begin, run.end, false, {}, {}};
    choice.record.coder = static_cast<std::uint8_t>(CoderId::numbers);
    choice.record.length = length;
    const auto block = new_file_.subspan(run.begin, length);
    const auto& candidate = run.candidate;
    const bool related = candidate.mode.transform != Transform::none;
    const std::uint64_t old_begin = run.begin + (related ? candidate.shift : shift);
    ByteSpan old;
    if (lies_within({old_begin, length}, at_hand_)) {
        old = old_file_.subspan(old_begin, length);
        choice.record.windows = {{old_begin, length}};
    }
    const auto best = numbers_.choose(block, old);
    auto coded = numbers_.encode(block, old, best, {});
    choice.payload = std::move(coded.payload);
    pending_ = std::move(coded);
    return choice;
}

BlockEncoder::Choice BlockEncoder::encode_lz(const Gap& gap, std::uint64_t begin, std::uint64_t end,
                                             int level) {
    Choice choice{begin, end, true, {}, {}};
    choice.record.coder = static_cast<std::uint8_t>(CoderId::lz);
    choice.record.length = end - begin;
    choice.record.windows = windows_for(gap, begin, end, level);
    load_reference(choice.record.windows);
    const auto frame =
        zstd_.encode(new_file_.subspan(begin, end - begin), reference_, level, end - begin);
    choice.raw = frame.empty();
    choice.payload.assign(frame.begin(), frame.end());
    if (level > sample_level && !choice.raw && limits_.lzma) try_lzma(choice);
    return choice;
}

void BlockEncoder::load_reference(const std::vector<OldRange>& windows) {
    reference_.clear();
    for (const auto& window : windows) {
        const auto part = old_file_.subspan(window.offset, window.length);
        reference_.insert(reference_.end(), part.begin(), part.end());
    }
}

// Replaces zstd by LZMA where that is worth its slower decoder; reference_ holds the old bytes.
void BlockEncoder::try_lzma(Choice& choice) {
    constexpr std::size_t small_bytes = 64u << 10;
    constexpr std::array<LzmaModel, 3> models{{{3, 0, 2}, {3, 0, 0}, {0, 2, 2}}};
    const auto block = new_file_.subspan(choice.begin, choice.end - choice.begin);
    // Long blocks of weights would take seconds and gain nothing.
    const bool dense = choice.payload.size() > block.size() / 4 * 3;
    if (block.size() > small_bytes && (dense || !limits_.thorough)) return;
    const std::size_t gain = std::max<std::size_t>(1, choice.payload.size() / 100);
    for (std::size_t i = 0; i < (block.size() <= small_bytes ? models.size() : 1); ++i) {
        auto payload = lzma_encode(block, reference_, models[i], choice.payload.size() - gain,
                                   LzmaEffort::most, stopped_);
        if (payload.empty()) continue;
        choice.record.coder = static_cast<std::uint8_t>(CoderId::lzma);
        choice.payload = std::move(payload);
    }
}

// What a quick search for matches makes of a sample; nothing where it finds none.
std::optional<double> BlockEncoder::matches_share(const Gap& gap) {
    const std::uint64_t length = gap.end - gap.begin;
    const std::uint64_t size = std::min(length, sample_bytes);
    const std::uint64_t begin = gap.begin + (length - size) / 2;
    const auto sample = encode_lz(gap, begin, begin + size, sample_level);
    if (sample.raw) return std::nullopt;
    return static_cast<double>(sample.payload.size()) / static_cast<double>(size);
}

// Whether matches would take fewer bytes than `rival`.
bool BlockEncoder::matches_win(const Gap& gap, std::uint64_t rival) {
    // What literals of other gaps tell, and a thorough search, save more than a sample shows; but
    // where there is little to be found, numbers are read five times as fast.
    constexpr double dense_share = 0.6;
    constexpr std::size_t probe_bytes = 12u << 10;
    const std::uint64_t length = gap.end - gap.begin;
    const auto found = matches_share(gap);
    if (!found) return false;
    const double share = static_cast<double>(rival) / static_cast<double>(length);
    const double wanted = share / (share < dense_share ? 0.95 : 1.02);
    if (*found < wanted) return true;
    return limits_.lzma &&
           lzma_may_reach(new_file_.subspan(gap.begin, length), probe_bytes, wanted);
}

bool BlockEncoder::lz_may_win(const Gap& gap, const Choice& rival) {
    const std::uint64_t length = rival.end - rival.begin;
    if (length <= sample_bytes || (limits_.thorough && rival.raw)) return true;
    const std::uint64_t begin = rival.begin + (length - sample_bytes) / 2;
    const auto sample = encode_lz(gap, begin, begin + sample_bytes, sample_level);
    const double share = static_cast<double>(rival.cost()) / static_cast<double>(length);
    return static_cast<double>(sample.cost()) < share * sample_allowance * sample_bytes;
}

std::vector<OldRange> BlockEncoder::windows_for(const Gap& gap, std::uint64_t begin,
                                                std::uint64_t end, int level) const {
    WindowRequest request;
    request.begin = begin;
    request.end = end;
    request.shift = gap.shifts.empty() ? 0 : gap.shifts.front();
    request.matches = gap.matches;
    request.old_size = old_file_.size();
    request.at_hand = at_hand_;
    // Small blocks get small windows: loading a window costs time on both sides.
    constexpr std::uint64_t min_window_bytes = 128u << 10;
    request.max_bytes = std::min<std::uint64_t>(limits_.reference_bytes,
                                                std::max(min_window_bytes, 2 * (end - begin)));
    if (level == sample_level)
        request.max_bytes =
            std::min<std::uint64_t>(limits_.reference_bytes, 4096 + 2 * (end - begin));
    else if (limits_.thorough)
        request.max_bytes = limits_.reference_bytes;
    return choose_windows(request);
}

void BlockEncoder::append(const Choice& choice, const OldCursor& cursor, Bytes& out) {
    const auto start = out.size();
    const auto length = choice.end - choice.begin;
    if (choice.raw) {
        append_raw(out, new_file_.subspan(choice.begin, length));
    } else {
        CodedRecord record = choice.record;
        record.payload = choice.payload;
        append_coded(out, record, cursor.expected(choice.begin));
        if (record.coder == static_cast<std::uint8_t>(CoderId::numbers)) {
            totals_.features |= feature_numbers;
            if (needs_factors(record.payload)) totals_.features |= feature_factors;
        }
        if (record.coder == static_cast<std::uint8_t>(CoderId::mixed))
            totals_.features |= feature_mixer;
        if (record.coder == static_cast<std::uint8_t>(CoderId::lzma))
            totals_.features |= feature_lzma;
        std::uint64_t reference = record.view ? length : 0;
        for (const auto& window : record.windows) reference += window.length;
        totals_.reference_bytes =
            std::max(totals_.reference_bytes, static_cast<std::uint32_t>(reference));
        totals_.block_bytes = std::max(totals_.block_bytes, static_cast<std::uint32_t>(length));
    }
    // The head is in here as well: a few bytes more than needed.
    totals_.record_bytes =
        std::max(totals_.record_bytes, static_cast<std::uint32_t>(out.size() - start));
}

}  // namespace strandline::delta
