#include "delta/number/constants_avx2.h"

namespace strandline::delta::number {

constinit const RepeatedValues repeated_in_memory = [] {
    RepeatedValues values{};
    for (std::size_t i = 0; i < repeated_values.size(); ++i) values.of[i].fill(repeated_values[i]);
    return values;
}();

}  // namespace strandline::delta::number
