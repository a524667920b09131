#include "delta/number/number_coder.h"

#include "delta/number/number_loops.h"
#include "delta/number/start_of.h"

namespace strandline::delta::number {
namespace {

Error damaged() { return fail(Errc::corrupt, "delta has damaged numbers"); }

constexpr std::int32_t start_step = 16;
constexpr std::size_t start_bytes = 2;

void write(ElementType type, Method method, Work& work, NumberModel& model, SymbolWriter& writer,
           Speed speed) {
    if (speed == Speed::best && has_avx2()) {
        write_avx2(type, method, work, model, writer);
    } else if (speed == Speed::portable) {
        write_portable(type, method, work, model, writer);
    } else {
        run_type<BaselineCdf>(type, method, work, model, writer);
    }
}

bool read(ElementType type, Method method, Work& work, NumberModel& model, SymbolReader& reader,
          Speed speed) {
    if (speed == Speed::best && reader.has_states_for_lanes() && has_avx2())
        return read_avx2(type, method, work, model, reader);
    if (speed == Speed::portable) return read_portable(type, method, work, model, reader);
    return run_type<BaselineCdf>(type, method, work, model, reader);
}

}  // namespace

void encode_numbers(ElementType type, Method method, ByteSpan numbers, ByteSpan reference,
                    NumberModel& model, SymbolWriter& writer, Bytes& out,
                    const ColumnMemory& columns, Speed speed) {
    Work work{numbers.data(),
              nullptr,
              reference.empty() ? nullptr : reference.data(),
              numbers.size() / element_size(type),
              0,
              columns};
    const std::int32_t start = start_of(type, method, work) / start_step;
    work.start = start * start_step;
    writer.begin(work.count);
    write(type, method, work, model, writer, speed);
    append_le(out, static_cast<std::uint16_t>(start));
    writer.finish(out);
}

Status decode_numbers(ElementType type, Method method, ByteSpan streams, ByteSpan reference,
                      NumberModel& model, std::span<std::byte> numbers, const ColumnMemory& columns,
                      Speed speed) {
    if (!reference.empty() && reference.size() != numbers.size()) return damaged();
    if (streams.size() < start_bytes) return damaged();
    Work work{nullptr,
              numbers.data(),
              reference.empty() ? nullptr : reference.data(),
              numbers.size() / element_size(type),
              0,
              columns};
    const auto start =
        static_cast<std::int16_t>(load_le<std::uint16_t>(streams.first(start_bytes)));
    work.start = start * start_step;
    SymbolReader reader;
    TRY(reader.open(streams.subspan(start_bytes), work.count));
    if (!read(type, method, work, model, reader, speed) || !reader.complete()) return damaged();
    return {};
}

}  // namespace strandline::delta::number
