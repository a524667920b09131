#include <algorithm>

#include "delta/coder/numbers_coder.h"
#include "delta/coder/numbers_payload.h"
#include "delta/coder/sparse_numbers.h"
#include "delta/format/varint.h"
#include "delta/number/rescaled_coder.h"

namespace strandline::delta {
namespace {

// One payload; `old` is as encode_numbers_block() has it.
class NumbersPayload {
public:
    NumbersPayload(ByteSpan block, const NumberMode& mode, const NumberLearning& learning,
                   Bytes& out)
        : block_(block),
          extent_(extent_of(block.size(), mode)),
          numbers_(block.subspan(extent_.skip, extent_.numbers)),
          mode_(mode),
          learning_(learning),
          out_(out) {}

    void write_head(bool predicted) {
        out_.push_back(static_cast<std::byte>(
            static_cast<unsigned>(mode_.type) | unsigned{mode_.model} << model_shift |
            (mode_.fresh ? fresh_bit : 0) | (predicted ? prediction_bit : 0)));
        method_at_ = out_.size();
        out_.push_back({});
        set_method(mode_.method, false);
        append(block_.first(extent_.skip));
        append(block_.last(extent_.tail));
        if (mode_.fresh) learning_.model.reset();
    }

    void write_plain(ByteSpan old) {
        if (!old.empty()) old = numbers_of(old);
        if (!old.empty() && std::ranges::equal(old, numbers_))
            return set_method(number::Method::exact, false);
        number::Method method = mode_.method;
        if (method == number::Method::sparse) {
            if (!old.empty() &&
                encode_sparse_numbers(mode_.type, numbers_, old, {learning_.model, learning_.gaps},
                                      learning_.writer, out_))
                return;
            method = number::Method::absolute;
            set_method(method, false);
        } else {
            write_columns();
        }
        write_numbers(method, old);
    }

    void write_predicted(ByteSpan old, const Prediction& prediction) {
        write_columns();
        append_prediction(prediction, learning_.writer, out_);
        Bytes changed(numbers_.size());
        apply_prediction(prediction, mode_.type, {old, extent_.skip, block_.size()}, changed);
        if (mode_.columns == 0 && std::ranges::equal(changed, numbers_))
            return set_method(number::Method::exact, false);
        write_numbers(mode_.method, changed);
    }

    void write_rescaled(ByteSpan old, const Prediction& prediction) {
        append_prediction(prediction, learning_.writer, out_);
        number::encode_rescaled({prediction.grid, prediction.ratios}, numbers_, numbers_of(old),
                                learning_.model, learning_.writer, out_);
    }

private:
    [[nodiscard]] ByteSpan numbers_of(ByteSpan old) const {
        return old.subspan(extent_.skip, extent_.numbers);
    }
    void append(ByteSpan bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }
    void set_method(number::Method method, bool by_column) {
        out_[method_at_] =
            static_cast<std::byte>(static_cast<unsigned>(method) | (by_column ? columns_bit : 0) |
                                   unsigned{mode_.skip} << skip_shift);
    }
    void write_columns() {
        if (mode_.columns == 0) return;
        set_method(mode_.method, true);
        append_varint(out_, std::uint64_t{mode_.columns} << 1 | (mode_.rows ? 1 : 0));
        append_varint(out_, mode_.column);
        columns_.resize(mode_.columns);
    }
    void write_numbers(number::Method method, ByteSpan expected) {
        number::encode_numbers({mode_.type, method, {columns_, mode_.column, mode_.rows}}, numbers_,
                               expected, learning_.model, learning_.writer, out_);
    }

    ByteSpan block_;
    Extent extent_;
    ByteSpan numbers_;
    const NumberMode& mode_;
    NumberLearning learning_;
    Bytes& out_;
    std::size_t method_at_ = 0;
    std::vector<std::int16_t> columns_;  // told apart, or none
};

}  // namespace

void encode_numbers_block(ByteSpan block, ByteSpan old, const NumberMode& mode,
                          const Prediction& prediction, const NumberLearning& learning,
                          Bytes& out) {
    NumbersPayload payload(block, mode, learning, out);
    const bool predicted = prediction.predictor != Predictor::none;
    payload.write_head(predicted);
    if (!predicted) return payload.write_plain(old);
    if (prediction.predictor == Predictor::rescale) return payload.write_rescaled(old, prediction);
    payload.write_predicted(old, prediction);
}

}  // namespace strandline::delta
