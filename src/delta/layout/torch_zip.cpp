#include <algorithm>
#include <unordered_map>

#include "delta/layout/reader.h"
#include "delta/layout/torch.h"

namespace strandline::delta {

bool read_torch_zip(ByteSpan file, const std::vector<ZipMember>& members, Collector& tensors) {
    const auto pickle = std::ranges::find_if(members, [](const ZipMember& member) {
        return member.name.ends_with("/data.pkl") && member.method == zip_stored;
    });
    if (pickle == members.end()) return false;
    // archive/data.pkl goes with archive/data/0, archive/data/1, ...
    const std::string folder = std::string(pickle->name.substr(0, pickle->name.size() - 4)) + '/';
    std::unordered_map<std::string_view, const ZipMember*> storages;
    for (const auto& member : members) {
        if (member.method != zip_stored || !member.name.starts_with(folder)) continue;
        storages.emplace(member.name.substr(folder.size()), &member);
    }
    PickleReader reader(slice(file, pickle->offset, pickle->packed));
    static_cast<void>(reader.run());
    for (const auto& tensor : reader.tensors()) {
        const auto storage = storages.find(tensor.storage);
        if (storage == storages.end()) continue;
        claim_torch_tensor(tensor, storage->second->offset, storage->second->packed, tensors);
    }
    return true;
}

}  // namespace strandline::delta
