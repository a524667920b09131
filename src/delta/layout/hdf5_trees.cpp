#include <algorithm>

#include "delta/layout/collector.h"
#include "delta/layout/hdf5_file.h"

// Version 1 B-trees: of the members of groups and of the chunks of datasets.
namespace strandline::delta {
namespace {

constexpr unsigned group_node = 0;
constexpr unsigned chunk_node = 1;

struct Node {
    unsigned level = 0;
    unsigned entries = 0;
};

/// Reads the head of a node; `reader` is left at its first key. No entries when it is none.
Node read_node(const Hdf5File& file, Reader& reader, unsigned type) {
    const bool is_tree = starts_with(reader.take(4), "TREE") && reader.u8() == type;
    Node node;
    node.level = reader.u8();
    node.entries = reader.u16();
    reader.skip(2 * std::uint64_t{file.address_bytes});
    if (!is_tree || !reader.ok()) node.entries = 0;
    return node;
}

/// A place in a tree that is still to be looked at, and the level it must have: without the level a
/// hostile tree could go in circles.
struct Open {
    std::uint64_t address = 0;
    int level = -1;  ///< -1: any
};

class GroupReader {
public:
    GroupReader(const Hdf5File& file, std::uint64_t heap, Hdf5Budget& budget)
        : file_(file), budget_(budget) {
        Reader reader = file.at(heap);
        if (!starts_with(reader.take(4), "HEAP")) return;
        reader.skip(4);
        const auto size = file.length(reader);
        reader.skip(file.length_bytes);
        const auto names = file.at(file.address(reader));
        if (reader.ok() && names.ok()) names_ = slice(file.bytes, names.at(), size);
    }

    std::vector<Hdf5Link> read(std::uint64_t tree) {
        std::vector<Open> open{{tree, -1}};
        while (!open.empty() && budget_.spend()) {
            const auto next = open.back();
            open.pop_back();
            Reader reader = file_.at(next.address);
            const auto node = read_node(file_, reader, group_node);
            const auto level = static_cast<int>(node.level);
            if (next.level >= 0 && level != next.level) continue;
            for (unsigned i = 0; i < node.entries && reader.ok() && budget_.spend(); ++i) {
                reader.skip(file_.length_bytes);
                const auto child = file_.address(reader);
                if (level > 0) {
                    open.push_back({child, level - 1});
                } else {
                    read_symbols(child);
                }
            }
        }
        return std::move(links_);
    }

private:
    void read_symbols(std::uint64_t address) {
        Reader reader = file_.at(address);
        if (!starts_with(reader.take(4), "SNOD")) return;
        reader.skip(2);
        const auto count = reader.u16();
        for (unsigned i = 0; i < count && links_.size() < max_tensors && budget_.spend(); ++i) {
            const auto name = file_.address(reader);
            const auto header = file_.address(reader);
            reader.skip(24);
            if (!reader.ok() || name >= names_.size()) return;
            auto text = as_text(names_.subspan(static_cast<std::size_t>(name)));
            text = text.substr(0, max_name_bytes);
            links_.push_back({std::string(text.substr(0, text.find('\0'))), header});
        }
    }

    const Hdf5File& file_;
    Hdf5Budget& budget_;
    ByteSpan names_;
    std::vector<Hdf5Link> links_;
};

/// A key and its child.
Hdf5Chunk read_chunk(const Hdf5File& file, Reader& reader, std::size_t rank) {
    Hdf5Chunk chunk;
    chunk.bytes = reader.u32();
    reader.skip(4);
    for (std::size_t axis = 0; axis < rank; ++axis) chunk.origin.push_back(reader.u64());
    reader.skip(8);
    chunk.address = file.address(reader);
    return chunk;
}

}  // namespace

std::vector<Hdf5Link> read_hdf5_group(const Hdf5File& file, std::uint64_t tree, std::uint64_t heap,
                                      Hdf5Budget& budget) {
    return GroupReader(file, heap, budget).read(tree);
}

std::vector<Hdf5Chunk> read_hdf5_chunks(const Hdf5File& file, std::uint64_t tree, std::size_t rank,
                                        Hdf5Budget& budget) {
    std::vector<Hdf5Chunk> chunks;
    std::vector<Open> open{{tree, -1}};
    while (!open.empty() && budget.spend()) {
        const auto next = open.back();
        open.pop_back();
        Reader reader = file.at(next.address);
        const auto node = read_node(file, reader, chunk_node);
        const auto level = static_cast<int>(node.level);
        if (next.level >= 0 && level != next.level) continue;
        for (unsigned i = 0; i < node.entries && chunks.size() < max_tensors; ++i) {
            if (!budget.spend()) break;
            auto chunk = read_chunk(file, reader, rank);
            if (!reader.ok()) break;
            if (level > 0) {
                open.push_back({chunk.address, level - 1});
            } else {
                chunks.push_back(std::move(chunk));
            }
        }
    }
    return chunks;
}

}  // namespace strandline::delta
