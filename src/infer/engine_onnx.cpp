#ifdef STRANDLINE_HAVE_ONNXRUNTIME

#define ORT_API_MANUAL_INIT
#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <mutex>
#include <onnxruntime_cxx_api.h>

#include "base/log.h"
#include "infer/engine.h"
#include "infer/engine_library.h"
#include "infer/input_check.h"

namespace strandline::infer {
namespace {

// 16 has every call used here; releases since 2023 offer it.
constexpr std::uint32_t oldest_api = 16;

struct TypePair {
    DataType ours;
    ONNXTensorElementDataType theirs;
};

constexpr std::array<TypePair, 13> type_pairs{{
    {DataType::boolean, ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL},
    {DataType::uint8, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8},
    {DataType::uint16, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16},
    {DataType::uint32, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32},
    {DataType::uint64, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64},
    {DataType::int8, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8},
    {DataType::int16, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16},
    {DataType::int32, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32},
    {DataType::int64, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64},
    {DataType::fp16, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16},
    {DataType::fp32, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT},
    {DataType::fp64, ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE},
    {DataType::bytes, ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING},
}};

ONNXTensorElementDataType to_onnx(DataType type) {
    return std::ranges::find(type_pairs, type, &TypePair::ours)->theirs;
}

std::optional<DataType> from_onnx(ONNXTensorElementDataType type) {
    const auto* found = std::ranges::find(type_pairs, type, &TypePair::theirs);
    if (found == type_pairs.end()) return std::nullopt;
    return found->ours;
}

Errc code_of_load(OrtErrorCode code) {
    switch (code) {
        case ORT_NO_SUCHFILE:
            return Errc::not_found;
        case ORT_NOT_IMPLEMENTED:
            return Errc::unavailable;
        default:
            // Whatever else the loader says, the file is not a model that this machine can run.
            return Errc::corrupt;
    }
}

Errc code_of_run(OrtErrorCode code) {
    return code == ORT_INVALID_ARGUMENT ? Errc::invalid : Errc::internal;
}

/// The process's environment: log sink and the thread pool that all sessions share.
struct Environment {
    std::string version;
    Ort::Env env{nullptr};
};

void forward_log(void* /*unused*/, OrtLoggingLevel severity, const char* /*category*/,
                 const char* /*log_id*/, const char* /*location*/, const char* message) {
    // Errors come back as results too, so only a fatal one needs a person.
    const auto level = severity >= ORT_LOGGING_LEVEL_FATAL ? LogLevel::error : LogLevel::debug;
    log_at(level, "onnxruntime said text=\"{}\"", message);
}

Result<TensorInfo> describe(std::string name, const Ort::TypeInfo& type, const char* direction) {
    if (type.GetONNXType() != ONNX_TYPE_TENSOR) {
        return fail(Errc::unavailable,
                    fmt::format("{} '{}' is not a tensor; export the model without "
                                "sequences, maps and optionals",
                                direction, name));
    }
    const auto tensor = type.GetTensorTypeAndShapeInfo();
    const auto element = from_onnx(tensor.GetElementType());
    if (!element) {
        return fail(Errc::unavailable,
                    fmt::format("{} '{}' has element type {} of ONNX, which is not served",
                                direction, name, static_cast<int>(tensor.GetElementType())));
    }
    return TensorInfo{std::move(name), *element, tensor.GetShape()};
}

// ONNX Runtime takes inputs as mutable pointers and does not write to them.
Ort::Value borrow_numbers(const Tensor& tensor, const OrtMemoryInfo* memory) {
    static std::byte nothing{};  // an empty tensor still needs an address
    auto* data = tensor.data.empty() ? &nothing : const_cast<std::byte*>(tensor.data.data());
    return Ort::Value::CreateTensor(memory, data, tensor.data.size(), tensor.shape.data(),
                                    tensor.shape.size(), to_onnx(tensor.type));
}

Ort::Value copy_texts(const Tensor& tensor) {
    Ort::AllocatorWithDefaultOptions allocator;
    auto value = Ort::Value::CreateTensor(allocator, tensor.shape.data(), tensor.shape.size(),
                                          ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING);
    for (std::size_t i = 0; i < tensor.elements.size(); ++i) {
        const auto& text = tensor.elements[i];
        char* out = value.GetResizedStringTensorElementBuffer(i, text.size());
        std::ranges::copy(text, out);
    }
    return value;
}

std::vector<std::string> read_texts(const Ort::Value& value, std::size_t count) {
    std::vector<std::string> out;
    out.reserve(count);
    for (std::size_t i = 0; i < count; ++i) out.push_back(value.GetStringTensorElement(i));
    return out;
}

Result<Tensor> take_output(const Ort::Value& value, const TensorInfo& declared) {
    if (!value.HasValue() || !value.IsTensor()) {
        return fail(Errc::internal, fmt::format("the model left output '{}' empty", declared.name));
    }
    const auto found = value.GetTensorTypeAndShapeInfo();
    Tensor out{declared.name, declared.type, found.GetShape(), {}, {}};
    const auto count = found.GetElementCount();
    if (declared.type == DataType::bytes) {
        out.elements = read_texts(value, count);
        return out;
    }
    const auto* bytes = static_cast<const std::byte*>(value.GetTensorRawData());
    out.data.assign(bytes, bytes + count * element_size(declared.type));
    return out;
}

class OnnxModel final : public Model {
public:
    OnnxModel(std::shared_ptr<const Environment> environment, Ort::Session session,
              std::vector<TensorInfo> inputs, std::vector<TensorInfo> outputs)
        : environment_(std::move(environment)),
          session_(std::move(session)),
          inputs_(std::move(inputs)),
          outputs_(std::move(outputs)) {}

    const std::vector<TensorInfo>& inputs() const override { return inputs_; }
    const std::vector<TensorInfo>& outputs() const override { return outputs_; }

    Result<std::vector<Tensor>> run(std::span<const Tensor> inputs,
                                    std::span<const std::string> wanted) override {
        TRY(check_inputs(inputs, inputs_));
        TRY(const auto chosen, choose_outputs(wanted, outputs_));
        try {
            return run_checked(inputs, chosen);
        } catch (const Ort::Exception& problem) {
            return fail(code_of_run(problem.GetOrtErrorCode()),
                        fmt::format("the model failed: {}", problem.what()));
        }
    }

private:
    Result<std::vector<Tensor>> run_checked(std::span<const Tensor> inputs,
                                            const std::vector<const TensorInfo*>& chosen) {
        std::vector<const char*> input_names;
        std::vector<Ort::Value> values;
        for (const auto& tensor : inputs) {
            input_names.push_back(tensor.name.c_str());
            values.push_back(tensor.type == DataType::bytes ? copy_texts(tensor)
                                                            : borrow_numbers(tensor, memory_));
        }
        std::vector<const char*> output_names;
        output_names.reserve(chosen.size());
        for (const auto* info : chosen) output_names.push_back(info->name.c_str());

        const auto results =
            session_.Run(Ort::RunOptions{nullptr}, input_names.data(), values.data(), values.size(),
                         output_names.data(), output_names.size());
        std::vector<Tensor> out;
        for (std::size_t i = 0; i < results.size(); ++i) {
            TRY(auto tensor, take_output(results[i], *chosen[i]));
            out.push_back(std::move(tensor));
        }
        return out;
    }

    // Shared with the engine and its other models: sessions must not outlive the environment.
    std::shared_ptr<const Environment> environment_;
    Ort::Session session_;
    Ort::MemoryInfo memory_ = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
    std::vector<TensorInfo> inputs_;
    std::vector<TensorInfo> outputs_;
};

Result<std::unique_ptr<Model>> load_model(std::shared_ptr<const Environment> environment,
                                          const std::filesystem::path& file) {
    Ort::SessionOptions options;
    options.DisablePerSessionThreads();
    options.SetExecutionMode(ORT_SEQUENTIAL);
    options.SetGraphOptimizationLevel(ORT_ENABLE_ALL);
    Ort::Session session(environment->env, file.c_str(), options);

    Ort::AllocatorWithDefaultOptions allocator;
    std::vector<TensorInfo> inputs;
    for (std::size_t i = 0; i < session.GetInputCount(); ++i) {
        std::string name = session.GetInputNameAllocated(i, allocator).get();
        TRY(auto info, describe(std::move(name), session.GetInputTypeInfo(i), "input"));
        inputs.push_back(std::move(info));
    }
    std::vector<TensorInfo> outputs;
    for (std::size_t i = 0; i < session.GetOutputCount(); ++i) {
        std::string name = session.GetOutputNameAllocated(i, allocator).get();
        TRY(auto info, describe(std::move(name), session.GetOutputTypeInfo(i), "output"));
        outputs.push_back(std::move(info));
    }
    return std::make_unique<OnnxModel>(std::move(environment), std::move(session),
                                       std::move(inputs), std::move(outputs));
}

class OnnxEngine final : public Engine {
public:
    explicit OnnxEngine(std::shared_ptr<const Environment> environment)
        : environment_(std::move(environment)) {}

    Result<std::unique_ptr<Model>> load(const std::filesystem::path& file) override {
        const auto what = fmt::format("load model {}", file.string());
        std::error_code failed;
        if (!std::filesystem::is_regular_file(file, failed)) {
            return fail(Errc::not_found, what + ": there is no such file");
        }
        try {
            auto model = load_model(environment_, file);
            if (!model) return context(what, std::move(model).error());
            return model;
        } catch (const Ort::Exception& problem) {
            return fail(code_of_load(problem.GetOrtErrorCode()),
                        fmt::format("{}: {}", what, problem.what()));
        }
    }

    std::string description() const override { return "onnxruntime " + environment_->version; }

private:
    std::shared_ptr<const Environment>
        environment_;  // shared with the models, which may live longer
};

const OrtApi* newest_common_api(const OrtApiBase& base) {
    for (std::uint32_t version = ORT_API_VERSION; version >= oldest_api; --version) {
        if (const OrtApi* api = base.GetApi(version)) return api;
    }
    return nullptr;
}

std::shared_ptr<const Environment> make_environment(std::string version, int threads) {
    Ort::ThreadingOptions threading;
    threading.SetGlobalIntraOpNumThreads(std::max(threads, 1));
    threading.SetGlobalInterOpNumThreads(1);
    // Spinning threads would take the processor from everything else on a small device.
    threading.SetGlobalSpinControl(0);
    auto out = std::make_shared<Environment>();
    out->version = std::move(version);
    const OrtThreadingOptions* options = threading;
    out->env = Ort::Env(options, &forward_log, nullptr, ORT_LOGGING_LEVEL_WARNING, "strandline");
    return out;
}

}  // namespace

Result<std::unique_ptr<Engine>> open_onnx_engine(const EngineOptions& options) {
    TRY(void* const symbol, load_library_symbol(library_candidates(options), "OrtGetApiBase"));
    const auto get_base = reinterpret_cast<const OrtApiBase* (*)()>(symbol);
    const OrtApiBase* base = get_base();
    const OrtApi* api = newest_common_api(*base);
    if (api == nullptr) {
        return fail(Errc::unavailable,
                    fmt::format("ONNX Runtime {} is too old: version 1.{} or newer is needed",
                                base->GetVersionString(), oldest_api));
    }
    static std::once_flag once;  // the wrapper keeps the table in a process-wide variable
    std::call_once(once, [api] { Ort::InitApi(api); });
    try {
        return std::make_unique<OnnxEngine>(
            make_environment(base->GetVersionString(), options.threads));
    } catch (const Ort::Exception& problem) {
        return fail(Errc::unavailable, fmt::format("start ONNX Runtime: {}", problem.what()));
    }
}

}  // namespace strandline::infer

#endif
