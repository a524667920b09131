#include <algorithm>
#include <string>

#include "delta/layout/containers.h"
#include "delta/layout/reader.h"
#include "delta/layout/torch.h"
#include "delta/layout/zip.h"

// Zip archives of models: PyTorch (a pickle and one stored member for each storage), NumPy's NPZ,
// and whatever else keeps model files as members.
namespace strandline::delta {
namespace {

/// Claims what a stored member says about itself, as a file of its own.
void read_member(ByteSpan file, const ZipMember& member, Collector& tensors) {
    const auto bytes = slice(file, member.offset, member.packed);
    // No archives in archives, so that members do not nest.
    if (starts_with(bytes, "PK")) return;
    Collector inner(bytes.size());
    if (read_container(bytes, inner).empty()) return;
    for (auto& tensor : inner.take()) {
        const std::string name(member.name);
        tensor.name = tensor.name.empty() ? name : name + '/' + tensor.name;
        tensor.offset += member.offset;
        tensors.add(std::move(tensor));
    }
}

}  // namespace

bool read_zip(ByteSpan file, Collector& tensors) {
    if (!starts_with(file, "PK\x03\x04")) return false;
    auto members = read_zip_directory(file);
    if (members.empty()) return false;
    if (read_torch_zip(file, members, tensors)) return true;
    // Members may overlap in a hostile archive; each byte is looked at once in an honest one.
    std::uint64_t left = file.size();
    for (const auto& member : members) {
        if (member.method != zip_stored || member.packed > left || tensors.full()) continue;
        left -= member.packed;
        read_member(file, member, tensors);
    }
    return true;
}

}  // namespace strandline::delta
