#include "gateway/oip_json.h"

#include <algorithm>
#include <fmt/format.h>

#include "base/json.h"
#include "infer/tensor_json.h"

namespace strandline::gateway {
namespace {

constexpr std::size_t max_rank = 16;
constexpr std::size_t max_outputs = 256;
constexpr std::int64_t max_integer = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t max_timeout_us = std::int64_t{86'400} * 1'000'000;

/// Parameters may hold whatever the client likes; only what we know is read.
class Parameters {
public:
    Parameters(JsonReader& owner, std::string where)
        : value_(owner.find("parameters")), where_(std::move(where) + ".parameters") {}

    [[nodiscard]] Result<std::optional<bool>> boolean(std::string_view key) const {
        TRY(const auto* value, find(key));
        if (value == nullptr) return std::optional<bool>{};
        if (!value->is_bool()) return wrong(key, "true or false");
        return std::optional<bool>{value->get_bool()};
    }

    [[nodiscard]] Result<std::optional<std::int64_t>> integer(
        std::string_view key, std::int64_t max = max_integer) const {
        TRY(const auto* value, find(key));
        if (value == nullptr) return std::optional<std::int64_t>{};
        const auto* number = value->if_int64();
        if (number == nullptr || *number < 0 || *number > max) {
            return wrong(key, fmt::format("an integer of 0 to {}", max));
        }
        return std::optional<std::int64_t>{*number};
    }

    /// For what would silently do something else than the client meant.
    [[nodiscard]] Status refuse(std::string_view key, std::string_view instead) const {
        TRY(const auto* value, find(key));
        if (value == nullptr) return {};
        return fail(Errc::invalid, fmt::format("{}.{}: not supported; {}", where_, key, instead));
    }

private:
    [[nodiscard]] Result<const boost::json::value*> find(std::string_view key) const {
        if (value_ == nullptr || value_->is_null()) return nullptr;
        const auto* object = value_->if_object();
        if (object == nullptr) return fail(Errc::invalid, where_ + ": must be an object");
        return object->if_contains(key);
    }
    [[nodiscard]] Error wrong(std::string_view key, std::string_view kind) const {
        return fail(Errc::invalid, fmt::format("{}.{}: must be {}", where_, key, kind));
    }

    const boost::json::value* value_;
    std::string where_;
};

class RequestParser {
public:
    explicit RequestParser(infer::SplitDocument& document) : document_(document) {}

    Result<RequestHeader> parse(const boost::json::value& root) {
        JsonReader in(root, "request");
        auto& request = out_.request;
        request.id = in.optional_text("id");
        const Parameters parameters(in, "request");
        const auto& inputs = in.array("inputs");
        const auto& outputs = in.array("outputs");
        TRY(in.finish_lenient());
        TRY(const auto binary, parameters.boolean("binary_data_output"));
        request.binary_outputs = binary.value_or(false);
        TRY(const auto timeout, parameters.integer("timeout", max_timeout_us));
        request.timeout = std::chrono::microseconds{timeout.value_or(0)};
        TRY(parse_inputs(inputs));
        TRY(parse_outputs(outputs));
        return std::move(out_);
    }

private:
    Status parse_inputs(const boost::json::array& list) {
        if (list.size() > max_inputs) {
            return fail(Errc::invalid, fmt::format("request.inputs: more than {}", max_inputs));
        }
        auto& inputs = out_.request.inputs;
        for (std::size_t i = 0; i < list.size(); ++i) {
            TRY(auto tensor, parse_input(list[i], fmt::format("request.inputs[{}]", i)));
            if (std::ranges::find(inputs, tensor.name, &infer::Tensor::name) != inputs.end()) {
                return fail(Errc::invalid,
                            fmt::format("request.inputs[{}]: '{}' is given twice", i, tensor.name));
            }
            inputs.push_back(std::move(tensor));
        }
        return {};
    }

    Result<infer::Tensor> parse_input(const boost::json::value& value, const std::string& where) {
        JsonReader in(value, where);
        infer::Tensor out;
        out.name = in.text("name");
        const auto type = infer::data_type_from_string(in.text("datatype"));
        if (!type)
            in.reject("datatype",
                      "is not one that is served: BOOL, UINT8..INT64, FP16..FP64, BYTES");
        out.type = type.value_or(infer::DataType::fp32);
        read_shape(in, out);
        const Parameters parameters(in, where);
        const bool inside = in.has("data");
        const auto index = in.integer_or("data", 0, 0, max_integer);
        TRY(in.finish_lenient());
        const auto count = infer::element_count(out.shape);
        if (!count) return context(where, count.error());
        TRY(parameters.refuse("shared_memory_region", "send the data in the request"));
        TRY(const auto size, parameters.integer("binary_data_size"));
        if (size.has_value() == inside) {
            return fail(Errc::invalid,
                        fmt::format("{}: '{}' needs exactly one of 'data' and parameter "
                                    "'binary_data_size'",
                                    where, out.name));
        }
        out_.binary_sizes.push_back(size ? std::optional<std::uint64_t>(*size) : std::nullopt);
        if (inside) TRY(read_data(index, where, out));
        return out;
    }

    static void read_shape(JsonReader& in, infer::Tensor& out) {
        if (!in.has("shape")) in.reject("shape", "is missing");
        const auto& list = in.array("shape");
        if (list.size() > max_rank)
            in.reject("shape", fmt::format("has more than {} dimensions", max_rank));
        for (const auto& dimension : list) {
            const auto* size = dimension.if_int64();
            if (size == nullptr) return in.reject("shape", "must be a list of integers");
            out.shape.push_back(*size);
        }
    }

    Status read_data(std::int64_t index, const std::string& where, infer::Tensor& out) {
        if (out.type == infer::DataType::fp16) {
            return fail(Errc::invalid, where + ": FP16 is sent as binary data only");
        }
        infer::TensorJsonLimits limits;
        limits.max_texts = max_request_texts - texts_;
        const auto array = document_.take(index);
        if (!array) return context(where, array.error());
        const auto done = infer::read_tensor_data(*array, out, limits);
        if (!done) return context(where, done.error());
        texts_ += out.elements.size();
        return {};
    }

    Status parse_outputs(const boost::json::array& list) {
        if (list.size() > max_outputs) {
            return fail(Errc::invalid, fmt::format("request.outputs: more than {}", max_outputs));
        }
        auto& outputs = out_.request.outputs;
        for (std::size_t i = 0; i < list.size(); ++i) {
            const auto where = fmt::format("request.outputs[{}]", i);
            JsonReader in(list[i], where);
            WantedOutput wanted;
            wanted.name = in.text("name");
            const Parameters parameters(in, where);
            TRY(in.finish_lenient());
            TRY(parameters.refuse("shared_memory_region", "outputs come in the answer"));
            TRY(const auto classes, parameters.integer("classification"));
            if (classes.value_or(0) > 0)
                TRY(parameters.refuse("classification", "sort the scores yourself"));
            TRY(wanted.binary, parameters.boolean("binary_data"));
            if (std::ranges::find(outputs, wanted.name, &WantedOutput::name) != outputs.end()) {
                return fail(Errc::invalid,
                            fmt::format("{}: '{}' is asked for twice", where, wanted.name));
            }
            outputs.push_back(std::move(wanted));
        }
        return {};
    }

    infer::SplitDocument& document_;
    RequestHeader out_;
    std::size_t texts_ = 0;
};

}  // namespace

Result<RequestHeader> parse_request_json(std::string_view json) {
    auto document = infer::split_tensor_data(json);
    if (!document) return context("request", document.error());
    TRY(const auto root, parse_json(document->text, "request"));
    return RequestParser(*document).parse(root);
}

}  // namespace strandline::gateway
