#include <algorithm>
#include <array>
#include <fmt/core.h>

#include "base/random.h"
#include "delta/test/test_random_pair.h"

namespace strandline::delta {
namespace {

struct Tensor {
    std::string name;
    const char* type = "F32";
    std::size_t rows = 1;
    std::size_t columns = 1;
    Bytes bytes;
};

Bytes safetensors(const std::vector<Tensor>& tensors, std::string_view note) {
    std::string head = fmt::format(R"({{"__metadata__":{{"note":"{}"}})", note);
    Bytes data;
    for (const auto& tensor : tensors) {
        head += fmt::format(R"(,"{}":{{"dtype":"{}","shape":[{},{}],"data_offsets":[{},{}]}})",
                            tensor.name, tensor.type, tensor.rows, tensor.columns, data.size(),
                            data.size() + tensor.bytes.size());
        data.insert(data.end(), tensor.bytes.begin(), tensor.bytes.end());
    }
    head += "}";
    Bytes out;
    append_le(out, static_cast<std::uint64_t>(head.size()));
    return concatenated({out, as_bytes(head), data});
}

Bytes halves(ByteSpan numbers) {
    Bytes out;
    for (std::size_t at = 0; at < numbers.size(); at += 4) {
        out.push_back(numbers[at + 2]);
        out.push_back(numbers[at + 3]);
    }
    return out;
}

Bytes quantised(const Tensor& tensor, double step, std::uint64_t seed) {
    SeededRandom random(seed);
    std::vector<double> row(tensor.columns);
    Bytes out;
    for (std::size_t i = 0; i < tensor.rows * tensor.columns; ++i) {
        auto& value = row[i % tensor.columns];
        value = 0.9 * value + step * normal(random);
        out.push_back(static_cast<std::byte>(
            static_cast<int>(std::lround(std::clamp(value, -100.0, 100.0)))));
    }
    return out;
}

template <class Change>
Bytes changed(const Tensor& tensor, const Change& change) {
    Bytes out;
    for (std::size_t i = 0; i < tensor.bytes.size() / 4; ++i) {
        const auto old =
            std::bit_cast<float>(load_le<std::uint32_t>(ByteSpan(tensor.bytes).subspan(4 * i, 4)));
        append_le(
            out, std::bit_cast<std::uint32_t>(change(old, i / tensor.columns, i % tensor.columns)));
    }
    return out;
}

Tensor make_tensor(Random& random, std::size_t index, std::size_t size) {
    Tensor tensor;
    tensor.name = fmt::format("layer.{}.weight", index);
    tensor.columns = 2 + random.below(60);
    tensor.rows = 1 + size / 4 / tensor.columns;
    const auto seed = random.below(UINT32_MAX);
    switch (random.below(5)) {
        case 0:
            tensor.type = "BF16";
            tensor.bytes = halves(float_weights(tensor.rows * tensor.columns, seed));
            break;
        case 1:
            tensor.type = "I8";
            tensor.rows *= 2;
            tensor.bytes = quantised(tensor, 6, seed);
            break;
        default:
            tensor.bytes = float_weights(tensor.rows * tensor.columns, seed);
    }
    return tensor;
}

Bytes rescaled(const Tensor& tensor) {
    Bytes out;
    for (const auto byte : tensor.bytes) {
        const int value = static_cast<std::int8_t>(byte);
        out.push_back(static_cast<std::byte>(value * 103 / 100 + (value % 3 == 0 ? 1 : 0)));
    }
    return out;
}

Bytes successor(const Tensor& tensor, Random& random) {
    const auto seed = random.below(UINT32_MAX);
    const bool floats = std::string_view(tensor.type) == "F32";
    if (std::string_view(tensor.type) == "I8")
        return random.below(2) == 0 ? rescaled(tensor) : quantised(tensor, 6, seed);
    if (!floats) return sparsely_changed(tensor.bytes, 3, seed);
    switch (random.below(6)) {
        case 0:
            return fine_tuned(tensor.bytes, 1e-3, seed);
        case 1:
            return sparsely_changed(tensor.bytes, 40, seed);
        case 2:
            return changed(tensor, [](float old, std::size_t row, std::size_t) {
                return old * (1.0F + static_cast<float>(row) / 7.0F);
            });
        case 3:
            return changed(tensor, [](float old, std::size_t row, std::size_t column) {
                return old + 1e-3F * static_cast<float>(row % 5) * static_cast<float>(column % 7);
            });
        case 4:
            return float_weights(tensor.rows * tensor.columns, seed);
        default:
            return tensor.bytes;
    }
}

}  // namespace

FilePair random_pair(std::uint64_t seed, std::size_t size) {
    SeededRandom random(seed);
    const std::size_t count = 1 + random.below(6);
    std::vector<Tensor> old_tensors;
    for (std::size_t i = 0; i < count; ++i)
        old_tensors.push_back(make_tensor(random, i, size / count * (1 + random.below(3)) / 2));
    std::vector<Tensor> new_tensors;
    for (const auto& tensor : old_tensors) {
        if (count > 1 && random.below(8) == 0) continue;
        if (random.below(8) == 0)
            new_tensors.push_back(make_tensor(random, 100 + new_tensors.size(), size / 16));
        new_tensors.push_back(tensor);
        if (random.below(3) != 0) new_tensors.back().bytes = successor(tensor, random);
    }
    if (new_tensors.size() > 1 && random.below(3) == 0)
        std::swap(new_tensors.front(), new_tensors.back());
    const Bytes text = metadata_text(random.below(1 + size / 1024), "1");
    const Bytes next_text = metadata_text(random.below(1 + size / 1024), "2");
    const std::string note(random.below(300), 'n');
    return {fmt::format("random {}", seed), concatenated({safetensors(old_tensors, "first"), text}),
            concatenated({safetensors(new_tensors, note), next_text})};
}

}  // namespace strandline::delta
