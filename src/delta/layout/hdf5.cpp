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
    tensors.add(Collector::Claim{name, object.type, shape, data.at(), 0, {}});
}

class Walk {
public:
    Walk(const Hdf5File& file, Collector& tensors)
        : file_(file),
          tensors_(tensors),
          // Every step of an honest walk reads 8 bytes that no other step reads.
          budget_{file.bytes.size() / 8 + 1} {}

    void from_root() {
        open_.push_back({"", file_.root});
        while (!open_.empty() && budget_.spend() && !tensors_.full()) {
            const auto next = std::move(open_.back());
            open_.pop_back();
            if (seen_.insert(next.header).second) visit(next);
        }
        if (hidden_) search();
    }

private:
    void visit(const Hdf5Link& link) {
        auto object = read_hdf5_object(file_, link.header, budget_);
        add_dataset(file_, link.name, object, tensors_, budget_);
        hidden_ = hidden_ || object.hidden_links;
        for (const auto& member : object.links) queue(link.name, member);
        if (object.group_tree == hdf5_no_address) return;
        for (const auto& member :
             read_hdf5_group(file_, object.group_tree, object.group_heap, budget_)) {
            queue(link.name, member);
        }
    }

    void queue(const std::string& group, const Hdf5Link& member) {
        if (open_.size() >= max_tensors) return;
        const auto name = group.empty() ? member.name : group + '/' + member.name;
        open_.push_back({name.substr(0, max_name_bytes), member.header});
    }

    /// Large groups of the new kind keep their members in a heap of their own design. The members'
    /// headers have a signature, so they are found without it, only without names.
    void search() {
        const auto text = as_text(file_.bytes);
        for (auto at = text.find("OHDR"); at != text.npos; at = text.find("OHDR", at + 4)) {
            if (at < file_.base || !budget_.spend() || tensors_.full()) return;
            const std::uint64_t header = at - file_.base;
            if (seen_.insert(header).second) visit({"", header});
        }
    }

    const Hdf5File& file_;
    Collector& tensors_;
    Hdf5Budget budget_;
    std::unordered_set<std::uint64_t> seen_;
    std::vector<Hdf5Link> open_;
    bool hidden_ = false;
};

}  // namespace

bool read_hdf5(ByteSpan bytes, Collector& tensors) {
    const auto file = open_hdf5(bytes);
    if (!file) return false;
    Walk(*file, tensors).from_root();
    return true;
}

}  // namespace strandline::delta
