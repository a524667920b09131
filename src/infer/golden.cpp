#include "infer/golden.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <optional>

#include "base/float16.h"

namespace strandline::infer {
namespace {

// Free dimensions behind the first that are tried in turn: most networks that need more than one
// pixel halve their input five times.
constexpr std::array<std::int64_t, 3> smoke_sizes{1, 32, 224};
constexpr std::uint64_t max_smoke_elements = std::uint64_t{1} << 27;

/// Holds every integer of 64 bits exactly on the platforms served.
using Wide = long double;

template <class T>
Wide element(const Tensor& tensor, std::size_t index) {
    return static_cast<Wide>(tensor.as<T>()[index]);
}

using Getter = Wide (*)(const Tensor&, std::size_t);

Wide half_element(const Tensor& tensor, std::size_t index) {
    return static_cast<Wide>(half_to_float(tensor.as<std::uint16_t>()[index]));
}

Getter getter_of(DataType type) {
    switch (type) {
        case DataType::boolean:
        case DataType::uint8:
            return &element<std::uint8_t>;
        case DataType::uint16:
            return &element<std::uint16_t>;
        case DataType::uint32:
            return &element<std::uint32_t>;
        case DataType::uint64:
            return &element<std::uint64_t>;
        case DataType::int8:
            return &element<std::int8_t>;
        case DataType::int16:
            return &element<std::int16_t>;
        case DataType::int32:
            return &element<std::int32_t>;
        case DataType::int64:
            return &element<std::int64_t>;
        case DataType::fp16:
            return &half_element;
        case DataType::fp32:
            return &element<float>;
        case DataType::fp64:
            return &element<double>;
        case DataType::bytes:
            break;
    }
    return nullptr;
}

bool is_real(DataType type) {
    return type == DataType::fp16 || type == DataType::fp32 || type == DataType::fp64;
}

Error differs(const Tensor& tensor, std::string_view how) {
    return fail(Errc::corrupt, fmt::format("output '{}' {}", tensor.name, how));
}

Status compare_texts(const Tensor& actual, const Tensor& expected) {
    for (std::size_t i = 0; i < expected.elements.size(); ++i) {
        if (actual.elements[i] != expected.elements[i]) {
            return differs(expected, fmt::format("element {} is another text", i));
        }
    }
    return {};
}

Status compare_numbers(const Tensor& actual, const Tensor& expected, Tolerance tolerance) {
    const auto get = getter_of(expected.type);
    const auto count = expected.data.size() / element_size(expected.type);
    const Wide relative = is_real(expected.type) ? static_cast<Wide>(tolerance.relative) : 0;
    for (std::size_t i = 0; i < count; ++i) {
        const Wide have = get(actual, i);
        const Wide want = get(expected, i);
        if (have == want) continue;  // covers infinities
        const Wide allowed = static_cast<Wide>(tolerance.absolute) + relative * std::abs(want);
        const Wide off = std::abs(have - want);
        // Written so that NaN fails.
        if (std::isfinite(off) && off <= allowed) continue;
        return differs(expected,
                       fmt::format("element {} is {}, expected {} (off by {:.3g}, allowed {:.3g})",
                                   i, static_cast<double>(have), static_cast<double>(want),
                                   static_cast<double>(off), static_cast<double>(allowed)));
    }
    return {};
}

Status compare(const Tensor& actual, const Tensor& expected, Tolerance tolerance) {
    TRY(check_tensor(expected));
    if (actual.type != expected.type) {
        return differs(expected, fmt::format("is {}, expected {}", to_string(actual.type),
                                             to_string(expected.type)));
    }
    if (actual.shape != expected.shape) {
        return differs(expected, fmt::format("has shape {}, expected {}", shape_text(actual.shape),
                                             shape_text(expected.shape)));
    }
    if (expected.type == DataType::bytes) return compare_texts(actual, expected);
    return compare_numbers(actual, expected, tolerance);
}

Status check_case(Model& model, const GoldenCase& one, Tolerance tolerance) {
    std::vector<std::string> wanted;
    wanted.reserve(one.outputs.size());
    for (const auto& tensor : one.outputs) wanted.push_back(tensor.name);
    TRY(const auto outputs, model.run(one.inputs, wanted));
    for (const auto& expected : one.outputs) {
        const auto actual = std::ranges::find(outputs, expected.name, &Tensor::name);
        if (actual == outputs.end()) return differs(expected, "is missing");
        TRY(compare(*actual, expected, tolerance));
    }
    return {};
}

Result<std::vector<Tensor>> zero_inputs(const Model& model, std::int64_t free_size) {
    std::vector<Tensor> out;
    for (const auto& info : model.inputs()) {
        Tensor tensor{info.name, info.type, info.shape, {}, {}};
        for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
            if (tensor.shape[i] < 0) tensor.shape[i] = i == 0 ? 1 : free_size;
        }
        TRY(const auto count, element_count(tensor.shape, max_smoke_elements));
        if (tensor.type == DataType::bytes) {
            tensor.elements.resize(count);
        } else {
            tensor.data.resize(count * element_size(tensor.type));
        }
        out.push_back(std::move(tensor));
    }
    return out;
}

bool grows(const Model& model) {
    return std::ranges::any_of(model.inputs(), [](const TensorInfo& info) {
        return info.shape.size() > 1 && std::any_of(info.shape.begin() + 1, info.shape.end(),
                                                    [](std::int64_t size) { return size < 0; });
    });
}

Status check_finite(std::span<const Tensor> outputs) {
    for (const auto& tensor : outputs) {
        if (!is_real(tensor.type)) continue;
        const auto get = getter_of(tensor.type);
        const auto count = tensor.data.size() / element_size(tensor.type);
        for (std::size_t i = 0; i < count; ++i) {
            if (!std::isfinite(get(tensor, i))) {
                return differs(tensor,
                               fmt::format("element {} is not finite on an input of zeros", i));
            }
        }
    }
    return {};
}

Status smoke_run(Model& model, std::int64_t free_size) {
    TRY(const auto inputs, zero_inputs(model, free_size));
    TRY(const auto outputs, model.run(inputs, {}));
    return check_finite(outputs);
}

}  // namespace

Status check_golden(Model& model, std::span<const GoldenCase> cases, Tolerance tolerance) {
    for (std::size_t i = 0; i < cases.size(); ++i) {
        const auto status = check_case(model, cases[i], tolerance);
        if (!status) return context(fmt::format("golden case {}", i), status.error());
    }
    return {};
}

Status check_smoke(Model& model) {
    std::optional<Error> first;
    for (const auto size : smoke_sizes) {
        auto status = smoke_run(model, size);
        if (status || status.error().code == Errc::corrupt) return status;
        if (!first) first = status.error();
        if (!grows(model)) break;
    }
    return context("smoke run on zeros", *first);
}

}  // namespace strandline::infer
