#include "delta/layout/hdf5_file.h"

namespace strandline::delta {

std::optional<Hdf5File> open_hdf5(ByteSpan bytes) {
    if (!starts_with(bytes, "\x89HDF\r\n\x1a\n")) return std::nullopt;
    Hdf5File file;
    file.bytes = bytes;
    Reader reader(bytes, 8);
    const auto version = reader.u8();
    if (version < 2) {
        reader.skip(4);
        file.address_bytes = reader.u8();
        file.length_bytes = reader.u8();
        reader.skip(version == 0 ? 9 : 13);
    } else {
        file.address_bytes = reader.u8();
        file.length_bytes = reader.u8();
        reader.skip(1);
    }
    const auto usable = [](unsigned width) { return width == 2 || width == 4 || width == 8; };
    if (!usable(file.address_bytes) || !usable(file.length_bytes)) return std::nullopt;
    file.base = file.address(reader);
    // Free space (or an extension), end of file, driver; then the root's entry: a name, a header.
    reader.skip((version < 2 ? 4 : 2) * std::uint64_t{file.address_bytes});
    file.root = file.address(reader);
    if (!reader.ok() || file.base > bytes.size()) return std::nullopt;
    return file;
}

}  // namespace strandline::delta
