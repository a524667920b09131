#include "infer/input_check.h"

#include <algorithm>
#include <fmt/format.h>

namespace strandline::infer {
namespace {

std::string names_of(std::span<const TensorInfo> declared) {
    std::string out;
    for (const auto& info : declared)
        out += fmt::format("{}'{}'", out.empty() ? "" : ", ", info.name);
    return out;
}

Status check_one(const Tensor& tensor, const TensorInfo& info) {
    if (tensor.type != info.type) {
        return fail(Errc::invalid, fmt::format("input '{}' is {}, the model takes {}", tensor.name,
                                               to_string(tensor.type), to_string(info.type)));
    }
    if (!shape_fits(tensor.shape, info.shape)) {
        return fail(Errc::invalid,
                    fmt::format("input '{}' has shape {}, the model takes {}", tensor.name,
                                shape_text(tensor.shape), shape_text(info.shape)));
    }
    TRY(check_tensor(tensor));
    // Any other byte in a bool is undefined behaviour in the kernels.
    const auto valid_bool = [](std::byte value) { return value <= std::byte{1}; };
    if (tensor.type == DataType::boolean && !std::ranges::all_of(tensor.data, valid_bool)) {
        return fail(Errc::invalid,
                    fmt::format("input '{}' has a BOOL that is not 0 or 1", tensor.name));
    }
    return {};
}

}  // namespace

Status check_inputs(std::span<const Tensor> inputs, std::span<const TensorInfo> declared) {
    for (auto tensor = inputs.begin(); tensor != inputs.end(); ++tensor) {
        const auto info = std::ranges::find(declared, tensor->name, &TensorInfo::name);
        if (info == declared.end()) {
            return fail(Errc::invalid, fmt::format("the model has no input '{}'; it has {}",
                                                   tensor->name, names_of(declared)));
        }
        const auto same = [&](const Tensor& other) { return other.name == tensor->name; };
        if (std::any_of(inputs.begin(), tensor, same)) {
            return fail(Errc::invalid, fmt::format("input '{}' is given twice", tensor->name));
        }
        TRY(check_one(*tensor, *info));
    }
    for (const auto& info : declared) {
        if (std::ranges::find(inputs, info.name, &Tensor::name) == inputs.end()) {
            return fail(Errc::invalid, fmt::format("input '{}' {} {} is missing", info.name,
                                                   to_string(info.type), shape_text(info.shape)));
        }
    }
    return {};
}

Result<std::vector<const TensorInfo*>> choose_outputs(std::span<const std::string> wanted,
                                                      std::span<const TensorInfo> declared) {
    std::vector<const TensorInfo*> out;
    if (wanted.empty()) {
        for (const auto& info : declared) out.push_back(&info);
        return out;
    }
    for (const auto& name : wanted) {
        const auto info = std::ranges::find(declared, name, &TensorInfo::name);
        if (info == declared.end()) {
            return fail(Errc::invalid, fmt::format("the model has no output '{}'; it has {}", name,
                                                   names_of(declared)));
        }
        if (std::ranges::find(out, &*info) != out.end()) {
            return fail(Errc::invalid, fmt::format("output '{}' is asked for twice", name));
        }
        out.push_back(&*info);
    }
    return out;
}

}  // namespace strandline::infer
