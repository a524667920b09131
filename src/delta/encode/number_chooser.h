#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "delta/coder/numbers_coder.h"

namespace strandline::delta {

/// Finds out by samples how a block is best read as numbers, and codes it so.
class NumberChooser {
public:
    NumberChooser();

    // What a model is used for.
    struct Use {
        ElementType type = ElementType::opaque;
        enum class Kind : std::uint8_t { difference, direct, rescaled } kind = Kind::difference;
        std::uint64_t last = 0;
        friend bool same(const Use& a, const Use& b) {
            return a.type == b.type && a.kind == b.kind;
        }
    };

    /// Forgets what was learned, as the decoder does.
    void begin_segment();

    /// The cheapest kind of number, phase and method, by samples; `old` is empty or as long as
    /// `block`. Layouts that are known need no such guess.
    [[nodiscard]] NumberMode choose(ByteSpan block, ByteSpan old);
    /// The cheapest method for numbers of known type and phase.
    [[nodiscard]] NumberMode choose_method(ByteSpan block, ByteSpan old, ElementType type,
                                           std::uint8_t skip);

    /// Whether `direct` came close to the method that choose_method() chose last.
    [[nodiscard]] bool nearly_direct() const { return nearly_direct_; }
    /// `plain` or, if it is clearly cheaper by a longer sample, one of `candidates`, which differ
    /// from it by their columns. Not for method `sparse`.
    [[nodiscard]] NumberMode cheapest(ByteSpan block, ByteSpan old, const NumberMode& plain,
                                      std::span<const NumberMode> candidates);

    /// A payload, and what would be learned by sending it.
    struct Coded {
        Bytes payload;
        std::unique_ptr<number::NumberModel> model;
        std::unique_ptr<number::NumberModel> gap_model;  // only when it learned
        std::size_t place = 0;                           // of the model
        Use use;
    };
    [[nodiscard]] Coded encode(ByteSpan block, ByteSpan old, const NumberMode& mode,
                               const Prediction& prediction);
    /// This one is sent.
    void keep(Coded coded);

    /// Everything learned so far; restore() forgets what was kept since.
    struct Snapshot;
    [[nodiscard]] std::shared_ptr<const Snapshot> snapshot() const;
    void restore(const Snapshot& snapshot);

private:
    struct Trial {
        NumberMode mode;
        std::size_t bytes = 0;
    };
    [[nodiscard]] Trial cheapest_method(ByteSpan block, ByteSpan old, ElementType type,
                                        std::uint8_t skip, std::size_t sample_bytes);
    [[nodiscard]] std::size_t model_for(const Use& use) const;

    NumberModels models_;
    std::array<Use, NumberModels::count> uses_;
    std::unique_ptr<number::NumberModel> trial_;
    number::SymbolWriter writer_;
    std::uint64_t clock_ = 0;
    bool nearly_direct_ = false;
};

}  // namespace strandline::delta
