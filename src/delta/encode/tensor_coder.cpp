#include "delta/encode/tensor_coder.h"

#include <algorithm>

namespace strandline::delta {
namespace {

double share_of(const TensorCoder::Coded& coded, const TensorBlock& block) {
    return static_cast<double>(coded.numbers.payload.size()) /
           static_cast<double>(block.bytes.size());
}

}  // namespace

std::uint64_t TensorBlock::first() const {
    const std::uint64_t one = element_size(part->type);
    return (begin - part->begin + one - 1) / one;
}

TensorBlock TensorBlock::sample(std::size_t most) const {
    if (bytes.size() <= 2 * most) return *this;
    const std::size_t one = element_size(part->type);
    const std::size_t start = skip + (bytes.size() - most) / 2 / one * one;
    TensorBlock middle{part, begin + start, bytes.subspan(start, most), {}, 0};
    if (!old.empty()) middle.old = old.subspan(start, most);
    return middle;
}

NumberMode TensorBlock::placed(NumberMode mode) const {
    mode.skip = skip;
    if (mode.columns != 0) mode.column = static_cast<std::uint32_t>(first() % mode.columns);
    return mode;
}

TensorCoder::TensorCoder(ByteSpan old_file, ByteSpan new_file, const Limits& limits,
                         std::function<bool()> stopped, const std::vector<TensorPart>& kinds,
                         KindHabits& habits, NumberChooser& numbers)
    : old_file_(old_file),
      new_file_(new_file),
      limits_(limits),
      study_(old_file, new_file, limits.reference_bytes, std::move(stopped)),
      kinds_(&kinds),
      kind_habits_(&habits),
      numbers_(&numbers) {}

void TensorCoder::begin_segment() {
    right_sent_ = false;
    habit_ = {};
    part_ = nullptr;
    segment_habits_.assign(kinds_->size(), std::nullopt);
}

TensorCoder::Coded TensorCoder::code(const TensorBlock& block) {
    const TensorPart& part = *block.part;
    bool known = part_ == &part;
    if (!known) {
        begin_part(part);
        known = part.kind && habit_.seen == study_.seen();
    }
    std::optional<Coded> predicted;
    if (known) {
        auto coded = code_as_before(block);
        const double share = coded ? share_of(*coded, block) : 0;
        if (coded && (habit_.expects(share) || is_usual(block))) {
            habit_.take(share);
            remember_kind();
            return std::move(*coded);
        }
        if (habit_.predicted) predicted = std::move(coded);
    }
    auto coded = code_by_trial(block, std::move(predicted));
    habit_.least_share = habit_.most_share = share_of(coded, block);
    return coded;
}

void TensorCoder::keep(Coded coded) {
    numbers_->keep(std::move(coded.numbers));
    right_sent_ = right_sent_ || coded.has_right;
}

bool TensorCoder::matches_may_win(double share) const {
    constexpr double allowance = 1.15;
    return share > habit_.hopeless_share * allowance;
}

void TensorCoder::matches_lost(double share) {
    habit_.hopeless_share = share;
    remember_kind();
}

void TensorCoder::begin_part(const TensorPart& part) {
    habit_ = {};
    part_ = &part;
    if (part.kind) {
        auto& habit = segment_habits_[*part.kind];
        if (!habit)
            habit = kind_habits_->of(*part.kind, [&] { return learn((*kinds_)[*part.kind]); });
        habit_ = *habit;
        // Matches are found in one tensor, and not in another one.
        if (!part.old_begin) habit_.hopeless_share = Habit{}.hopeless_share;
    }
    if (limits_.factors && study_.look_at(part)) right_sent_ = false;
}

// How the first tensor of a kind is best coded, whatever was coded here before.
Habit TensorCoder::learn(const TensorPart& part) {
    const auto before = numbers_->snapshot();
    numbers_->begin_segment();
    right_sent_ = false;
    if (limits_.factors) study_.look_at(part);
    const auto length = std::min<std::uint64_t>(part.end - part.begin, limits_.block_bytes);
    TensorBlock block{&part, part.begin, new_file_.subspan(part.begin, length), {}, 0};
    if (part.old_begin) block.old = old_file_.subspan(*part.old_begin, length);
    habit_ = {};
    habit_.take(share_of(code_by_trial(block, std::nullopt), block));
    numbers_->restore(*before);
    return habit_;
}

// For the next part of the kind, if this one is no exception.
void TensorCoder::remember_kind() {
    if (!part_->kind) return;
    auto& habit = *segment_habits_[*part_->kind];
    if (habit.predicted == habit_.predicted && habit.rough == habit_.rough &&
        habit.same_mode(habit_.mode))
        habit = habit_;
}

// As the last block of the part; nothing where this one cannot be.
std::optional<TensorCoder::Coded> TensorCoder::code_as_before(const TensorBlock& block) {
    const auto mode = block.placed(habit_.mode);
    if (habit_.predicted) {
        auto planned = study_.predict(block.begin, block.end(), right_sent_);
        if (!planned) return std::nullopt;
        return code_predicted(block, mode, std::move(*planned));
    }
    if (habit_.rough) {
        auto rough = study_.rough_predictions(block.begin, block.end());
        if (rough.size() <= *habit_.rough) return std::nullopt;
        return code_predicted(block, mode, std::move(rough[*habit_.rough]));
    }
    if (mode.method == number::Method::sparse && block.old.empty()) return std::nullopt;
    return Coded{numbers_->encode(block.bytes, block.old, mode, {}), std::nullopt};
}

// Whether samples of a block that is dearer or cheaper than those before say the same of it.
bool TensorCoder::is_usual(const TensorBlock& block) {
    return !habit_.predicted && !habit_.rough && habit_.same_mode(plain_mode(block));
}

}  // namespace strandline::delta
