#include "delta/encode/number_chooser.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace strandline::delta {
namespace {

constexpr std::size_t method_sample_bytes = 24u << 10;
constexpr std::size_t type_sample_bytes = 4u << 10;

bool is_float(ElementType type) {
    return type == ElementType::f64 || type == ElementType::f32 || type == ElementType::f16 ||
           type == ElementType::bf16;
}

// Few enough numbers changed that it is better to say which.
bool looks_sparse(ByteSpan block, ByteSpan old, std::size_t one) {
    constexpr std::size_t samples = 2048;
    constexpr std::size_t most_in = 16;
    if (old.empty()) return false;
    const std::size_t count = block.size() / one;
    const std::size_t step = std::max<std::size_t>(1, count / samples);
    std::size_t seen = 0;
    std::size_t changed = 0;
    for (std::size_t i = 0; i < count; i += step) {
        ++seen;
        changed += std::memcmp(block.data() + i * one, old.data() + i * one, one) != 0 ? 1 : 0;
    }
    return changed * most_in <= seen;
}

std::vector<number::Method> methods_for(ElementType type, bool has_old) {
    if (!is_float(type)) return {number::Method::relative};
    if (!has_old) return {number::Method::direct};
    return {number::Method::absolute, number::Method::relative, number::Method::direct};
}

}  // namespace

NumberChooser::NumberChooser() : trial_(std::make_unique<number::NumberModel>()) {}

void NumberChooser::begin_segment() {
    models_.reset();
    uses_.fill({});
    clock_ = 0;
}

NumberChooser::Trial NumberChooser::cheapest_method(ByteSpan block, ByteSpan old, ElementType type,
                                                    std::uint8_t skip, std::size_t sample_bytes) {
    // From the middle, and at whole numbers of every type.
    const std::size_t length = std::min(block.size(), sample_bytes);
    const std::size_t begin = (block.size() - length) / 2 / 8 * 8;
    const auto sample = block.subspan(begin, length);
    const auto old_sample = old.empty() ? old : old.subspan(begin, length);
    Trial best{{}, std::numeric_limits<std::size_t>::max()};
    std::size_t direct = std::numeric_limits<std::size_t>::max();
    for (const auto method : methods_for(type, !old.empty())) {
        const NumberMode mode{type, method, skip, 0, true};
        Bytes coded;
        encode_numbers_block(sample, old_sample, mode, {}, {*trial_, *trial_, writer_}, coded);
        if (coded.size() < best.bytes) best = {mode, coded.size()};
        if (method == number::Method::direct) direct = coded.size();
    }
    nearly_direct_ = direct / 10 * 9 < best.bytes;
    return best;
}

NumberMode NumberChooser::choose_method(ByteSpan block, ByteSpan old, ElementType type,
                                        std::uint8_t skip) {
    const auto shift = std::min<std::size_t>(skip, block.size());
    if (looks_sparse(block.subspan(shift), old.empty() ? old : old.subspan(shift),
                     element_size(type))) {
        return {type, number::Method::sparse, skip, 0, false};
    }
    return cheapest_method(block, old, type, skip, method_sample_bytes).mode;
}

NumberMode NumberChooser::cheapest(ByteSpan block, ByteSpan old, const NumberMode& plain,
                                   std::span<const NumberMode> candidates) {
    constexpr std::size_t long_sample_bytes = 64u << 10;
    constexpr std::size_t small_block_bytes = 128u << 10;
    if (!number::can_predict(plain.type) || plain.method > number::Method::direct) return plain;
    const std::size_t one = element_size(plain.type);
    const std::size_t length = block.size() <= small_block_bytes ? block.size() : long_sample_bytes;
    const std::size_t begin = (block.size() - length) / 2 / one * one;
    const auto bytes_of = [&](NumberMode mode) {
        mode.fresh = true;
        if (mode.columns != 0)
            mode.column = static_cast<std::uint32_t>((mode.column + begin / one) % mode.columns);
        Bytes coded;
        encode_numbers_block(block.subspan(begin, length),
                             old.empty() ? old : old.subspan(begin, length), mode, {},
                             {*trial_, *trial_, writer_}, coded);
        return coded.size();
    };
    // What is hardly better in a sample may be worse in the whole.
    const std::size_t plain_bytes = bytes_of(plain);
    std::size_t least = plain_bytes - plain_bytes / 400;
    NumberMode best = plain;
    for (const auto& candidate : candidates) {
        const std::size_t bytes = bytes_of(candidate);
        if (bytes >= least) continue;
        least = bytes;
        best = candidate;
    }
    return best;
}

NumberMode NumberChooser::choose(ByteSpan block, ByteSpan old) {
    constexpr std::array types{ElementType::f32, ElementType::f16, ElementType::bf16,
                               ElementType::i8};
    Trial best{{}, std::numeric_limits<std::size_t>::max()};
    for (const auto type : types) {
        for (std::size_t skip = 0; skip < element_size(type); ++skip) {
            const auto trial = cheapest_method(block, old, type, static_cast<std::uint8_t>(skip),
                                               type_sample_bytes);
            if (trial.bytes < best.bytes) best = trial;
        }
    }
    return choose_method(block, old, best.mode.type, best.mode.skip);
}

std::size_t NumberChooser::model_for(const Use& use) const {
    for (std::size_t i = 0; i < uses_.size(); ++i) {
        if (same(uses_[i], use)) return i;
    }
    const auto oldest = std::ranges::min_element(uses_, {}, &Use::last);
    return static_cast<std::size_t>(oldest - uses_.begin());
}

NumberChooser::Coded NumberChooser::encode(ByteSpan block, ByteSpan old, const NumberMode& mode,
                                           const Prediction& prediction) {
    Coded coded;
    const auto kind = prediction.predictor == Predictor::rescale ? Use::Kind::rescaled
                      : mode.method == number::Method::direct    ? Use::Kind::direct
                                                                 : Use::Kind::difference;
    coded.use = {mode.type, kind, ++clock_};
    coded.place = model_for(coded.use);
    NumberMode sent = mode;
    sent.model = static_cast<std::uint8_t>(coded.place);
    sent.fresh = !same(uses_[coded.place], coded.use) && uses_[coded.place].last != 0;
    coded.model = std::make_unique<number::NumberModel>(models_[coded.place]);
    coded.gap_model = std::make_unique<number::NumberModel>(models_.gaps());
    encode_numbers_block(block, old, sent, prediction, {*coded.model, *coded.gap_model, writer_},
                         coded.payload);
    return coded;
}

void NumberChooser::keep(Coded coded) {
    models_[coded.place] = *coded.model;
    models_.gaps() = *coded.gap_model;
    uses_[coded.place] = coded.use;
}

struct NumberChooser::Snapshot {
    std::array<number::NumberModel, NumberModels::count> models;
    number::NumberModel gaps;
    std::array<Use, NumberModels::count> uses;
    std::uint64_t clock = 0;
};

// Shared, as the type is known only here.
std::shared_ptr<const NumberChooser::Snapshot> NumberChooser::snapshot() const {
    auto copy = std::make_shared<Snapshot>();
    for (std::size_t i = 0; i < NumberModels::count; ++i) copy->models[i] = models_[i];
    copy->gaps = models_.gaps();
    copy->uses = uses_;
    copy->clock = clock_;
    return copy;
}

void NumberChooser::restore(const Snapshot& snapshot) {
    for (std::size_t i = 0; i < NumberModels::count; ++i) models_[i] = snapshot.models[i];
    models_.gaps() = snapshot.gaps;
    uses_ = snapshot.uses;
    clock_ = snapshot.clock;
}

}  // namespace strandline::delta
