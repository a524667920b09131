#include "delta/number/number_coder.h"

#include <algorithm>
#include <limits>

#include "delta/number/number_loops.h"
#include "delta/number/start_of.h"

namespace strandline::delta::number {
namespace {

Error damaged() { return fail(Errc::corrupt, "delta has damaged numbers"); }

constexpr std::int32_t start_step = 16;
constexpr std::size_t start_bytes = 2;

void write(const NumberCode& code, Work& work, NumberModel& model, SymbolWriter& writer) {
    if (code.speed == Speed::best && has_avx2()) {
        write_avx2(code.type, code.method, work, model, writer);
    } else if (code.speed == Speed::portable) {
        write_portable(code.type, code.method, work, model, writer);
    } else {
        run_type<BaselineCdf>(code.type, code.method, work, model, writer);
    }
}

bool read(const NumberCode& code, Work& work, NumberModel& model, SymbolReader& reader) {
    if (code.speed == Speed::best && reader.has_states_for_lanes() && has_avx2())
        return read_avx2(code.type, code.method, work, model, reader);
    if (code.speed == Speed::portable)
        return read_portable(code.type, code.method, work, model, reader);
    return run_type<BaselineCdf>(code.type, code.method, work, model, reader);
}

}  // namespace

void encode_numbers(const NumberCode& code, ByteSpan numbers, ByteSpan reference,
                    NumberModel& model, SymbolWriter& writer, Bytes& out) {
    Work work{numbers.data(),
              nullptr,
              reference.empty() ? nullptr : reference.data(),
              numbers.size() / element_size(code.type),
              0,
              code.columns};
    // Sizes of binary64 and scales of the largest numbers together may be more than is stored.
    using Stored = std::numeric_limits<std::int16_t>;
    const std::int32_t start = std::clamp<std::int32_t>(
        start_of(code.type, code.method, work) / start_step, Stored::min(), Stored::max());
    work.start = start * start_step;
    writer.begin(work.count);
    write(code, work, model, writer);
    append_le(out, static_cast<std::uint16_t>(start));
    writer.finish(out);
}

Status decode_numbers(const NumberCode& code, ByteSpan streams, ByteSpan reference,
                      NumberModel& model, std::span<std::byte> numbers) {
    if (!reference.empty() && reference.size() != numbers.size()) return damaged();
    if (streams.size() < start_bytes) return damaged();
    Work work{nullptr,
              numbers.data(),
              reference.empty() ? nullptr : reference.data(),
              numbers.size() / element_size(code.type),
              0,
              code.columns};
    const auto start =
        static_cast<std::int16_t>(load_le<std::uint16_t>(streams.first(start_bytes)));
    work.start = start * start_step;
    SymbolReader reader;
    TRY(reader.open(streams.subspan(start_bytes), work.count));
    if (!read(code, work, model, reader) || !reader.complete()) return damaged();
    return {};
}

}  // namespace strandline::delta::number
