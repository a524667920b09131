#include "delta/number/rescaled_coder.h"

#include "delta/number/rescaled_kernel.h"

namespace strandline::delta::number {
namespace {

RatioRows ratios_of(const RescaledRows& rows) {
    return {rows.grid.columns, rows.grid.phase, rows.ratios.data()};
}

}  // namespace

void encode_rescaled(const RescaledRows& rows, ByteSpan numbers, ByteSpan old_numbers,
                     NumberModel& model, SymbolWriter& writer, Bytes& out) {
    Work work{numbers.data(), nullptr, old_numbers.data(), numbers.size(), 0, {}};
    const auto ratios = ratios_of(rows);
    writer.begin(work.count);
    if (rows.speed == Speed::best && has_avx2()) {
        write_rescaled_avx2(work, ratios, model, writer);
    } else if (rows.speed == Speed::portable) {
        run_rescaled<PortableCdf>(work, ratios, model, writer);
    } else {
        run_rescaled<BaselineCdf>(work, ratios, model, writer);
    }
    writer.finish(out);
}

Status decode_rescaled(const RescaledRows& rows, ByteSpan streams, ByteSpan old_numbers,
                       NumberModel& model, std::span<std::byte> numbers) {
    Work work{nullptr, numbers.data(), old_numbers.data(), numbers.size(), 0, {}};
    const auto ratios = ratios_of(rows);
    SymbolReader reader;
    TRY(reader.open(streams, work.count));
    const bool whole = rows.speed == Speed::best && reader.has_states_for_lanes() && has_avx2()
                           ? read_rescaled_avx2(work, ratios, model, reader)
                       : rows.speed == Speed::portable
                           ? run_rescaled<PortableCdf>(work, ratios, model, reader)
                           : run_rescaled<BaselineCdf>(work, ratios, model, reader);
    if (!whole || !reader.complete()) return fail(Errc::corrupt, "delta has damaged numbers");
    return {};
}

}  // namespace strandline::delta::number
