#include <unordered_set>

#include "delta/layout/containers.h"
#include "delta/layout/hdf5_file.h"

namespace strandline::delta {
namespace {

void add_chunks(const Hdf5File& file, std::string_view name, const Hdf5Object& object,
                Collector& tensors, Hdf5Budget& budget) {
    for (const auto& chunk : read_hdf5_chunks(file, object.chunks, object.shape.size(), budget)) {
        Collector::Claim claim;
        auto full_name = std::string(name);
        for (const auto at : chunk.origin) full_name.append("@").append(std::to_string(at));
        claim.name = full_name;
        claim.type = object.type;
        claim.shape = object.chunk_shape;
        const auto data = file.at(chunk.address);
        if (!data.ok()) continue;
        claim.offset = data.at();
        claim.bytes = chunk.bytes;
        tensors.add(std::move(claim));
    }
}

void add_dataset(const Hdf5File& file, std::string_view name, const Hdf5Object& object,
                 Collector& tensors, Hdf5Budget& budget) {
    if (object.filtered || object.type == ElementType::opaque) return;
    if (object.chunks != hdf5_no_address) {
        return add_chunks(file, name, object, tensors, budget);
    }
    const auto data = file.at(object.data);
    if (object.data == hdf5_no_address || !data.ok()) return;
    // A single chunk may reach beyond the dataset.
    const auto& shape = object.chunk_shape.empty() ? object.shape : object.chunk_shape;
    tensors.add({name, object.type, shape, data.at(), 0, {}});
}

}  // namespace

bool read_hdf5(ByteSpan bytes, Collector& tensors) {
    const auto file = open_hdf5(bytes);
    if (!file) return false;
    // Every step of an honest walk reads 8 bytes that no other step reads.
    Hdf5Budget budget{bytes.size() / 8 + 1};
    std::unordered_set<std::uint64_t> seen;
    std::vector<Hdf5Link> open{{"", file->root}};
    while (!open.empty() && budget.spend() && !tensors.full()) {
        const auto next = std::move(open.back());
        open.pop_back();
        if (!seen.insert(next.header).second) continue;
        auto object = read_hdf5_object(*file, next.header, budget);
        add_dataset(*file, next.name, object, tensors, budget);
        auto links = std::move(object.links);
        if (object.group_tree != hdf5_no_address) {
            auto more = read_hdf5_group(*file, object.group_tree, object.group_heap, budget);
            links.insert(links.end(), std::make_move_iterator(more.begin()),
                         std::make_move_iterator(more.end()));
        }
        for (auto& link : links) {
            if (open.size() >= max_tensors) break;
            auto name = next.name.empty() ? link.name : next.name + '/' + link.name;
            open.push_back({name.substr(0, max_name_bytes), link.header});
        }
    }
    return true;
}

}  // namespace strandline::delta
