#include "delta/layout/containers.h"
#include "delta/layout/float_regions.h"
#include "delta/layout/reader.h"

// Three 32-bit version numbers, the number of images seen (32 bits before version 0.2), then fp32
// values to the end. What belongs to which layer stands in another file.
namespace strandline::delta {

bool read_darknet(ByteSpan file, Collector& tensors) {
    Reader reader(file);
    const auto major = reader.u32();
    const auto minor = reader.u32();
    const auto revision = reader.u32();
    if (!reader.ok() || major > 1 || minor > 9 || revision > 99 || major + minor == 0) return false;
    reader.skip(10 * major + minor >= 2 ? 8 : 4);
    if (!reader.ok() || reader.left() % sizeof(float) != 0) return false;
    const auto regions = find_float_regions(file);
    std::uint64_t floats = 0;
    for (const auto& region : regions) {
        if (region.type == ElementType::f32 && (region.offset - reader.at()) % 4 == 0) {
            floats += region.bytes;
        }
    }
    // The header is too common a sight to be believed by itself.
    if (floats < reader.left() / 4 * 3) return false;
    add_in_pieces({ElementType::f32, reader.at(), reader.left()}, tensors);
    return true;
}

}  // namespace strandline::delta
