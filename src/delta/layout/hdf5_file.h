#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "delta/layout/reader.h"
#include "delta/layout/tensor.h"

// The parts of the HDF5 file format (specification version 3.0) that model files use.
namespace strandline::delta {

/// Says that an address is not used, whatever its size.
inline constexpr std::uint64_t hdf5_no_address = UINT64_MAX;

/// Where things are and how wide addresses are.
struct Hdf5File {
    ByteSpan bytes;
    unsigned address_bytes = 8;
    unsigned length_bytes = 8;
    std::uint64_t base = 0;
    std::uint64_t root = hdf5_no_address;  ///< the root group's object header

    /// A reader at an address; not ok() when it is outside the file.
    [[nodiscard]] Reader at(std::uint64_t address) const {
        Reader reader(bytes);
        if (address > UINT64_MAX - base) {
            reader.fail();
        } else {
            reader.seek(base + address);
        }
        return reader;
    }
    [[nodiscard]] std::uint64_t address(Reader& reader) const {
        const auto value = reader.sized(address_bytes);
        return address_bytes < 8 && value + 1 == std::uint64_t{1} << (8 * address_bytes)
                   ? hdf5_no_address
                   : value;
    }
    [[nodiscard]] std::uint64_t length(Reader& reader) const { return reader.sized(length_bytes); }
};

/// Reads the superblock, versions 0 to 3; nothing when it is none.
[[nodiscard]] std::optional<Hdf5File> open_hdf5(ByteSpan bytes);

struct Hdf5Link {
    std::string name;
    std::uint64_t header = hdf5_no_address;
};

/// What the messages of an object header say.
struct Hdf5Object {
    // A group of the old kind.
    std::uint64_t group_tree = hdf5_no_address;
    std::uint64_t group_heap = hdf5_no_address;
    std::vector<Hdf5Link> links;  ///< of a small group of the new kind
    bool hidden_links = false;    ///< a large group of the new kind: members are not followed
    // A dataset.
    std::vector<std::uint64_t> shape;
    ElementType type = ElementType::opaque;
    std::uint64_t data = hdf5_no_address;    ///< contiguous, or the only chunk
    std::uint64_t chunks = hdf5_no_address;  ///< B-tree of the chunks
    std::vector<std::uint64_t> chunk_shape;  ///< with chunks: elements on each axis
    bool filtered = false;                   ///< compressed or reordered
};

/// Work that is left. Tables may point at each other in circles, so each step costs one.
struct Hdf5Budget {
    std::uint64_t steps = 0;
    [[nodiscard]] bool spend() { return steps != 0 && steps-- != 0; }
};

[[nodiscard]] Hdf5Object read_hdf5_object(const Hdf5File& file, std::uint64_t header,
                                          Hdf5Budget& budget);

/// The members of a group of the old kind.
[[nodiscard]] std::vector<Hdf5Link> read_hdf5_group(const Hdf5File& file, std::uint64_t tree,
                                                    std::uint64_t heap, Hdf5Budget& budget);

struct Hdf5Chunk {
    std::vector<std::uint64_t> origin;  ///< of its first element
    std::uint64_t address = 0;
    std::uint64_t bytes = 0;
};

[[nodiscard]] std::vector<Hdf5Chunk> read_hdf5_chunks(const Hdf5File& file, std::uint64_t tree,
                                                      std::size_t rank, Hdf5Budget& budget);

}  // namespace strandline::delta
