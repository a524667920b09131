#include "delta/number/number_loops.h"

namespace strandline::delta::number {

void write_portable(ElementType type, Method method, Work& work, NumberModel& model,
                    SymbolWriter& writer) {
    run_type<PortableCdf>(type, method, work, model, writer);
}

bool read_portable(ElementType type, Method method, Work& work, NumberModel& model,
                   SymbolReader& reader) {
    return run_type<PortableCdf>(type, method, work, model, reader);
}

}  // namespace strandline::delta::number
