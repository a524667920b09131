#include "delta/number/rescaled_coder.h"

#include "delta/number/rescaled_kernel.h"

namespace strandline::delta::number {
namespace {

RatioRows rows_of(const Grid& grid, std::span<const std::int16_t> ratios) {
    return {grid.columns, grid.phase, ratios.data()};
}

}  // namespace

void encode_rescaled(ByteSpan numbers, ByteSpan old_numbers, const Grid& grid,
                     std::span<const std::int16_t> ratios, NumberModel& model, SymbolWriter& writer,
                     Bytes& out, Speed speed) {
    Work work{numbers.data(), nullptr, old_numbers.data(), numbers.size(), 0, {}};
    const auto rows = rows_of(grid, ratios);
    writer.begin(work.count);
    if (speed == Speed::best && has_avx2()) {
        write_rescaled_avx2(work, rows, model, writer);
    } else if (speed == Speed::portable) {
        run_rescaled<PortableCdf>(work, rows, model, writer);
    } else {
        run_rescaled<BaselineCdf>(work, rows, model, writer);
    }
    writer.finish(out);
}

Status decode_rescaled(ByteSpan streams, ByteSpan old_numbers, const Grid& grid,
                       std::span<const std::int16_t> ratios, NumberModel& model,
                       std::span<std::byte> numbers, Speed speed) {
    Work work{nullptr, numbers.data(), old_numbers.data(), numbers.size(), 0, {}};
    const auto rows = rows_of(grid, ratios);
    SymbolReader reader;
    TRY(reader.open(streams, work.count));
    const bool whole = speed == Speed::best && reader.has_states_for_lanes() && has_avx2()
                           ? read_rescaled_avx2(work, rows, model, reader)
                       : speed == Speed::portable
                           ? run_rescaled<PortableCdf>(work, rows, model, reader)
                           : run_rescaled<BaselineCdf>(work, rows, model, reader);
    if (!whole || !reader.complete()) return fail(Errc::corrupt, "delta has damaged numbers");
    return {};
}

}  // namespace strandline::delta::number
