#include "delta/coder/coding_of.h"

#include "delta/coder/coders.h"

namespace strandline::delta {
namespace {

Result<Coding> coding_of_numbers(const CodedRecord& record) {
    TRY(const auto kind, kind_of_numbers(record.payload, record.length));
    if (record.view) return Coding::numbers_converted;
    if (kind.method == number::Method::exact) return Coding::numbers_exact;
    switch (kind.predictor) {
        case Predictor::none:
            break;
        case Predictor::scale:
            return Coding::numbers_row_scales;
        case Predictor::scale_columns:
            return Coding::numbers_column_scales;
        case Predictor::low_rank:
            return Coding::numbers_low_rank;
        case Predictor::rescale:
            return Coding::numbers_requantised;
        case Predictor::folded:
            return Coding::numbers_folded;
        default:
            return fail(Errc::corrupt, "delta has an unknown predictor");
    }
    if (kind.method == number::Method::sparse) return Coding::numbers_sparse;
    const bool alone = kind.method == number::Method::direct || record.windows.empty();
    return alone ? Coding::numbers_direct : Coding::numbers;
}

}  // namespace

Result<Coding> coding_of(const CodedRecord& record) {
    switch (static_cast<CoderId>(record.coder)) {
        case CoderId::lz:
            return Coding::zstd;
        case CoderId::planes:
            return Coding::planes;
        case CoderId::sparse:
            return Coding::changed_words;
        case CoderId::numbers:
            return coding_of_numbers(record);
        case CoderId::lzma:
            return Coding::lzma;
        case CoderId::mixed:
            return Coding::mixed;
    }
    return fail(Errc::corrupt, "delta has an unknown coder");
}

}  // namespace strandline::delta
