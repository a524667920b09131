#include "delta/layout/collector.h"
#include "delta/layout/pickle.h"

// What the calls in a pickle mean.
namespace strandline::delta {
namespace {

/// Dictionaries in dictionaries that a tensor's name tells.
constexpr std::size_t max_keys = 6;
/// Marks that are looked at for them.
constexpr int max_marks = 16;

}  // namespace

std::string_view PickleReader::text_of(const Value& value) const {
    if (value.kind != Kind::text && value.kind != Kind::global) return {};
    return as_text(slice(bytes_, value.first, value.count));
}

PickleReader::Value PickleReader::item(const Value& tuple, std::uint64_t index) const {
    if (tuple.kind != Kind::tuple && tuple.kind != Kind::storage) return {};
    return index < tuple.count ? pool_[static_cast<std::size_t>(tuple.first + index)] : Value{};
}

std::vector<std::uint64_t> PickleReader::numbers_of(const Value& tuple) const {
    std::vector<std::uint64_t> result;
    for (std::uint64_t i = 0; i < tuple.count && result.size() <= max_rank; ++i) {
        const auto number = item(tuple, i);
        if (number.kind != Kind::integer) return {};
        result.push_back(number.first);
    }
    return result;
}

void PickleReader::call() {
    const auto arguments = pop();
    const auto function = pop();
    push({});
    const auto storage = item(arguments, 0);
    if (!text_of(function).ends_with("_rebuild_tensor_v2") &&
        !text_of(function).ends_with("_rebuild_tensor")) {
        return;
    }
    if (storage.kind != Kind::storage || tensors_.size() >= max_tensors) return;
    // The storage is ("storage", class, key, device, number of elements).
    PickledTensor tensor;
    tensor.name = path();
    tensor.storage_type = text_of(item(storage, 1));
    tensor.storage = text_of(item(storage, 2));
    tensor.first = item(arguments, 1).first;
    tensor.shape = numbers_of(item(arguments, 2));
    tensor.strides = numbers_of(item(arguments, 3));
    tensors_.push_back(std::move(tensor));
}

void PickleReader::add_key(std::size_t index, std::vector<std::string>& keys) const {
    const auto& value = stack_[index];
    if (value.kind == Kind::text) {
        keys.emplace_back(text_of(value).substr(0, max_name_bytes));
    } else if (value.kind == Kind::integer) {
        keys.push_back(std::to_string(value.first));
    }
}

/// The stack's top is the tensor itself. Below it is its key, and below each mark the dictionary
/// that is being filled, and below that its own key.
std::string PickleReader::path() const {
    std::vector<std::string> keys;
    const std::size_t floor = marks_.empty() ? 0 : marks_.back();
    if (stack_.size() >= floor + 2) add_key(stack_.size() - 2, keys);
    int looked = 0;
    for (auto mark = marks_.rbegin(); mark != marks_.rend() && keys.size() < max_keys; ++mark) {
        if (++looked > max_marks) break;
        if (*mark >= 2) add_key(*mark - 2, keys);
    }
    std::string result;
    for (auto key = keys.rbegin(); key != keys.rend(); ++key) {
        result.append(result.empty() ? "" : ".").append(*key);
    }
    return result;
}

}  // namespace strandline::delta
