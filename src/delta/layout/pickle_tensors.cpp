#include "delta/layout/collector.h"
#include "delta/layout/pickle.h"

// What the calls in a pickle mean.
namespace strandline::delta {
namespace {

/// Dictionaries in dictionaries that a tensor's name tells.
constexpr std::size_t max_keys = 6;
/// Steps down the stack that are made for them.
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
    const bool is_dictionary = arguments.kind == Kind::tuple && arguments.count == 0 &&
                               text_of(function).ends_with("OrderedDict");
    push({is_dictionary ? Kind::open : Kind::other, 0, 0});
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

/// Adds the key that ends at `end`, if there is one.
bool PickleReader::add_key(std::size_t end, std::vector<std::string>& keys) const {
    const auto& value = stack_[end - 1];
    if (value.kind == Kind::text) {
        keys.emplace_back(text_of(value).substr(0, max_name_bytes));
    } else if (value.kind == Kind::integer) {
        keys.push_back(std::to_string(value.first));
    } else {
        return false;
    }
    return true;
}

/// The stack's top is the tensor itself. Below it are the functions that wrap it and its key; below
/// that the dictionary and its own key, either at once (a dictionary of one item) or, below a mark,
/// with the items that go into the same dictionary in between.
std::string PickleReader::path() const {
    std::vector<std::string> keys;
    std::size_t end = stack_.size() - 1;
    auto mark = marks_.rbegin();
    for (int looked = 0; looked < max_marks && keys.size() < max_keys; ++looked) {
        const std::size_t floor = mark == marks_.rend() ? 0 : *mark;
        while (end > floor && stack_[end - 1].kind == Kind::global) --end;
        if (end > floor && add_key(end, keys)) {
            --end;
            if (end > floor && stack_[end - 1].kind == Kind::open) {
                --end;
                continue;
            }
        }
        if (mark == marks_.rend() || floor == 0) break;
        end = floor - 1;  // below what is being filled or called
        ++mark;
    }
    std::string result;
    for (auto key = keys.rbegin(); key != keys.rend(); ++key) {
        result.append(result.empty() ? "" : ".").append(*key);
    }
    return result;
}

}  // namespace strandline::delta
