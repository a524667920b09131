#include "delta/block_encoder.h"

#include <algorithm>

#include "delta/coders.h"
#include "delta/header.h"
#include "delta/old_windows.h"
#include "delta/sparse_coder.h"

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

BlockEncoder::BlockEncoder(ByteSpan old_file, ByteSpan new_file, const BlockLimits& limits)
    : old_file_(old_file),
      new_file_(new_file),
      limits_(limits),
      planner_(old_file, new_file, limits.thorough),
      scratch_(limits.block_bytes) {}

void BlockEncoder::encode(const Gap& gap, const OldCursor& cursor, Bytes& out) {
    const std::uint64_t length = gap.end - gap.begin;
    if (length < min_coded_bytes) {
        append({gap.begin, gap.end, true, {}, {}}, cursor, out);
        return;
    }
    numbers_.save();
    if (gap.part != nullptr) {
        append(encode_tensor(gap), cursor, out);
        return;
    }
    std::vector<Choice> choices;
    std::uint64_t total = 0;
    for (const auto& run : planner_.plan(gap.begin, gap.end, gap.shifts)) {
        choices.push_back(encode_run(gap, run));
        total += choices.back().cost();
    }
    if (choices.size() > 1) {
        const bool promising = limits_.thorough || lz_may_win(gap, choices.front());
        auto whole = promising ? encode_lz(gap, gap.begin, gap.end, limits_.level)
                               : Choice{gap.begin, gap.end, true, {}, {}};
        if (whole.cost() <= total) {
            choices.clear();
            numbers_.restore();
            choices.push_back(std::move(whole));
        }
    }
    for (const auto& choice : choices) append(choice, cursor, out);
}

// Type and old values are known here, so only the method is tried.
BlockEncoder::Choice BlockEncoder::encode_tensor(const Gap& gap) {
    const TensorPart& part = *gap.part;
    const std::uint64_t length = gap.end - gap.begin;
    const std::uint64_t one = number::number_bytes(part.type);
    Choice choice{gap.begin, gap.end, false, {}, {}};
    choice.record.coder = static_cast<std::uint8_t>(CoderId::numbers);
    choice.record.length = length;
    const auto block = new_file_.subspan(gap.begin, length);
    ByteSpan old;
    if (part.old_begin) {
        const std::uint64_t old_begin = *part.old_begin + (gap.begin - part.begin);
        old = old_file_.subspan(old_begin, length);
        choice.record.windows = {{old_begin, length}};
    }
    const auto skip = static_cast<std::uint8_t>((one - (gap.begin - part.begin) % one) % one);
    auto coded = code_tensor(gap, block, old, skip);
    choice.payload = std::move(coded.payload);
    Choice raw{gap.begin, gap.end, true, {}, {}};
    Choice best = choice.cost() < raw.cost() ? std::move(choice) : std::move(raw);
    if (limits_.thorough && lz_may_win(gap, best)) {
        auto lz = encode_lz(gap, gap.begin, gap.end, limits_.level);
        if (lz.cost() < best.cost()) return lz;
    }
    if (!best.raw) {
        numbers_.keep(std::move(coded));
        right_sent_ = right_sent_ || right_pending_;
    }
    return best;
}

NumberChooser::Coded BlockEncoder::code_tensor(const Gap& gap, ByteSpan block, ByteSpan old,
                                               std::uint8_t skip) {
    right_pending_ = false;
    std::optional<NumberChooser::Coded> best;
    if (const auto prediction = low_rank_of(gap)) {
        best = numbers_.encode(
            block, old, {gap.part->type, number::Method::absolute, skip, 0, false}, *prediction);
        right_pending_ = true;
        // Nothing else comes near.
        if (best->payload.size() < block.size() / 4) return std::move(*best);
    }
    const auto mode = numbers_.choose_method(block, old, gap.part->type, skip);
    auto plain = numbers_.encode(block, old, mode, {});
    if (best && best->payload.size() < plain.payload.size()) return std::move(*best);
    right_pending_ = false;
    return plain;
}

// This block's share of the factors of its tensor, if the tensor's change is of low rank.
std::optional<Prediction> BlockEncoder::low_rank_of(const Gap& gap) {
    const TensorPart& part = *gap.part;
    const std::uint64_t one = number::number_bytes(part.type);
    if (part.columns == 0 || !part.old_begin || (gap.begin - part.begin) % one != 0)
        return std::nullopt;
    if (factored_ != &part) {
        factored_ = &part;
        right_sent_ = false;
        const std::uint64_t row_bytes = part.columns * one;
        const std::uint64_t length = (part.end - part.begin) / row_bytes * row_bytes;
        factors_ = find_low_rank(part.type, new_file_.subspan(part.begin, length),
                                 old_file_.subspan(*part.old_begin, length), part.columns);
    }
    if (!factors_) return std::nullopt;
    const std::uint64_t first = (gap.begin - part.begin) / one;
    Prediction prediction;
    prediction.predictor = Predictor::low_rank;
    prediction.grid = {part.columns, first % part.columns};
    prediction.rank = factors_->rank;
    prediction.shift = factors_->shift;
    prediction.right = factors_->right;
    prediction.send_right = !right_sent_;
    const std::uint64_t rows = prediction.grid.rows((gap.end - gap.begin) / one);
    const std::uint64_t first_row = first / part.columns;
    const auto left = std::span<const std::int32_t>(factors_->left);
    if ((first_row + rows) * factors_->rank > left.size() ||
        (rows + part.columns) * factors_->rank > max_factor_count)
        return std::nullopt;
    prediction.left = left.subspan(first_row * factors_->rank, rows * factors_->rank);
    return prediction;
}

BlockEncoder::Choice BlockEncoder::encode_run(const Gap& gap, const Run& run) {
    Choice best{run.begin, run.end, true, {}, {}};
    if (!is_plain(run.candidate)) {
        auto planes = encode_planes_run(run);
        if (planes.cost() < best.cost()) best = std::move(planes);
    }
    auto numbers = encode_numbers_run(run, gap.shifts.empty() ? 0 : gap.shifts.front());
    if (numbers.cost() < best.cost()) best = std::move(numbers);
    if (lz_may_win(gap, best)) {
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
    if (old_begin <= old_file_.size() && length <= old_file_.size() - old_begin) {
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
    choice.record.windows = windows_for(gap, begin, end);
    reference_.clear();
    for (const auto& window : choice.record.windows) {
        const auto part = old_file_.subspan(window.offset, window.length);
        reference_.insert(reference_.end(), part.begin(), part.end());
    }
    const auto frame =
        zstd_.encode(new_file_.subspan(begin, end - begin), reference_, level, end - begin);
    choice.raw = frame.empty();
    choice.payload.assign(frame.begin(), frame.end());
    return choice;
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
                                                std::uint64_t end) const {
    WindowRequest request;
    request.begin = begin;
    request.end = end;
    request.shift = gap.shifts.empty() ? 0 : gap.shifts.front();
    request.matches = gap.matches;
    request.old_size = old_file_.size();
    // Small blocks get small windows: loading a window costs time on both sides.
    constexpr std::uint64_t min_window_bytes = 128u << 10;
    request.max_bytes = std::min<std::uint64_t>(limits_.reference_bytes,
                                                std::max(min_window_bytes, 2 * (end - begin)));
    if (limits_.thorough) request.max_bytes = limits_.reference_bytes;
    return choose_windows(request);
}

void BlockEncoder::append(const Choice& choice, const OldCursor& cursor, Bytes& out) {
    const auto start = out.size();
    const auto length = choice.end - choice.begin;
    if (choice.raw) {
        append_raw(out, new_file_.subspan(choice.begin, length));
        totals_.raw_bytes += length;
    } else {
        CodedRecord record = choice.record;
        record.payload = choice.payload;
        append_coded(out, record, cursor.expected(choice.begin));
        totals_.coded_bytes += length;
        std::uint64_t reference = 0;
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
