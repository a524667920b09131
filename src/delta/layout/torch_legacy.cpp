#include <unordered_map>

#include "delta/layout/containers.h"
#include "delta/layout/reader.h"
#include "delta/layout/torch.h"

// Before PyTorch 1.6: five pickles (a magic number, a version, the machine, the object, the keys of
// the storages), then for each key the number of elements in 8 bytes and the elements.
namespace strandline::delta {
namespace {

// Protocol 2 and the number 0x1950a86a20f9469cfc6c in ten bytes.
constexpr std::string_view signature = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

struct Storage {
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
};

std::uint64_t bytes_per_element(const PickledTensor& tensor) {
    const auto type = tensor.storage_type;
    const auto has = [type](std::string_view word) { return type.find(word) != type.npos; };
    if (has("Double") || has("Long")) return 8;
    if (has("BFloat16") || has("Half") || has("Short")) return 2;
    if (has("Float") || has("Int")) return has("QInt8") || has("QUInt8") ? 1 : 4;
    return 1;
}

}  // namespace

bool read_torch_legacy(ByteSpan file, Collector& tensors) {
    if (!starts_with(file, signature)) return false;
    PickleReader head(file.subspan(signature.size()));
    if (!head.run() || !head.run()) return true;
    PickleReader object(head.rest());
    if (!object.run()) return true;
    PickleReader keys(object.rest());
    if (!keys.run()) return true;
    std::unordered_map<std::string_view, std::uint64_t> element_bytes;
    for (const auto& tensor : object.tensors()) {
        element_bytes.emplace(tensor.storage, bytes_per_element(tensor));
    }
    std::unordered_map<std::string_view, Storage> storages;
    Reader reader(file, offset_in(file, keys.rest()));
    for (const auto key : keys.texts()) {
        const auto count = reader.u64();
        const auto unit = element_bytes.find(key);
        // A storage that no tensor uses has an unknown size, and hides where the next one begins.
        if (unit == element_bytes.end() || count > reader.left() / unit->second) break;
        storages[key] = {reader.at(), count * unit->second};
        reader.skip(count * unit->second);
    }
    for (const auto& tensor : object.tensors()) {
        const auto storage = storages.find(tensor.storage);
        if (storage == storages.end()) continue;
        claim_torch_tensor(tensor, storage->second.offset, storage->second.bytes, tensors);
    }
    return true;
}

}  // namespace strandline::delta
