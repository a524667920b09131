#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "delta/encode/habit.h"
#include "delta/encode/number_chooser.h"
#include "delta/encode/tensor_plan.h"
#include "delta/encode/tensor_study.h"
#include "delta/format/record.h"

namespace strandline::delta {

/// A block of a tensor: its new and old bytes, how many of them stand before its first number.
struct TensorBlock {
    const TensorPart* part = nullptr;
    std::uint64_t begin = 0;
    ByteSpan bytes;
    ByteSpan old;  ///< empty: there are none
    std::uint8_t skip = 0;

    [[nodiscard]] std::uint64_t end() const { return begin + bytes.size(); }
    /// The number that it starts with, of those of the part.
    [[nodiscard]] std::uint64_t first() const;
    /// Its middle where it is longer than twice `most`, else all of it.
    [[nodiscard]] TensorBlock sample(std::size_t most) const;
    /// The mode that says of this block what it says of another one of the part.
    [[nodiscard]] NumberMode placed(NumberMode mode) const;
};

/// Codes blocks of tensors by what was done to the whole tensor, by trial, or as the block before
/// was coded.
class TensorCoder {
public:
    struct Limits {
        std::uint32_t block_bytes = 0;
        std::uint32_t reference_bytes = 0;  ///< of old windows
        bool factors = true;                ///< the reader has memory for predictions
    };
    /// A payload, and the old bytes that it is made of where these are not those of the block.
    struct Coded {
        NumberChooser::Coded numbers;
        std::optional<std::vector<OldRange>> windows;
        bool has_right = false;  // with right factors for the blocks that follow
    };

    /// `kinds` are those of the plan. Once `stopped` is true, what is made is worth nothing. All
    /// but `limits` are borrowed.
    TensorCoder(ByteSpan old_file, ByteSpan new_file, const Limits& limits,
                std::function<bool()> stopped, const std::vector<TensorPart>& kinds,
                KindHabits& habits, NumberChooser& numbers);

    /// Segments do not depend on each other.
    void begin_segment();

    [[nodiscard]] Coded code(const TensorBlock& block);
    /// This one is sent.
    void keep(Coded coded);

    /// Whether blocks that take this share of their bytes may be worth a search for matches.
    [[nodiscard]] bool matches_may_win(double share) const;
    /// At this share it was in vain.
    void matches_lost(double share);

private:
    // Part by part.
    void begin_part(const TensorPart& part);
    [[nodiscard]] Habit learn(const TensorPart& part);
    void remember_kind();
    [[nodiscard]] std::optional<Coded> code_as_before(const TensorBlock& block);
    [[nodiscard]] bool is_usual(const TensorBlock& block);

    // By trial; tensor_trials.cpp.
    [[nodiscard]] Coded code_by_trial(const TensorBlock& block, std::optional<Coded> predicted);
    [[nodiscard]] Coded code_plainly(const TensorBlock& block);
    [[nodiscard]] Coded code_predicted(const TensorBlock& block, const NumberMode& mode,
                                       PlannedPrediction planned);
    [[nodiscard]] bool plain_may_win(const TensorBlock& block, const NumberMode& mode,
                                     std::size_t rival);
    [[nodiscard]] NumberMode plain_mode(const TensorBlock& block);
    void choose_columns(const TensorBlock& block, NumberMode& mode);
    void try_rough(const TensorBlock& block, Coded& best);
    struct RoughTrial;
    void try_rough(RoughTrial& trial, std::size_t candidate);

    ByteSpan old_file_;
    ByteSpan new_file_;
    Limits limits_;
    TensorStudy study_;
    const std::vector<TensorPart>* kinds_;
    KindHabits* kind_habits_;
    NumberChooser* numbers_;
    std::vector<std::optional<Habit>> segment_habits_;  // of each kind that was met
    Habit habit_;                                       // of the last block
    const TensorPart* part_ = nullptr;                  // that it was of
    bool right_sent_ = false;
    Bytes reference_;
};

}  // namespace strandline::delta
