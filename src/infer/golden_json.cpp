#include <algorithm>
#include <fmt/format.h>

#include "base/file.h"
#include "base/ids.h"
#include "base/json.h"
#include "infer/golden.h"
#include "infer/tensor_binary.h"
#include "infer/tensor_json.h"

namespace strandline::infer {
namespace {

constexpr std::size_t max_document_bytes = std::size_t{64} << 20;
constexpr std::size_t max_cases = 1000;
constexpr std::size_t max_tensors_per_case = 256;
constexpr std::int64_t max_dimension = std::int64_t{1} << 32;
// Of all raw files together: a self-test must fit beside the model on a small device.
constexpr std::size_t max_file_bytes = std::size_t{1} << 30;

class GoldenReader {
public:
    GoldenReader(const std::filesystem::path& bundle, SplitDocument& document)
        : bundle_(bundle), document_(document) {}

    Result<std::vector<GoldenCase>> read(const boost::json::value& root) {
        JsonReader in(root, "golden");
        const auto& cases = in.array("cases");
        TRY(in.finish());
        if (cases.empty() || cases.size() > max_cases) {
            return fail(Errc::invalid,
                        fmt::format("golden.cases: 1 to {} cases are needed", max_cases));
        }
        std::vector<GoldenCase> out;
        for (std::size_t i = 0; i < cases.size(); ++i) {
            TRY(auto one, read_case(cases[i], fmt::format("golden.cases[{}]", i)));
            out.push_back(std::move(one));
        }
        return out;
    }

private:
    Result<GoldenCase> read_case(const boost::json::value& value, const std::string& where) {
        JsonReader in(value, where);
        GoldenCase out;
        TRY(out.inputs, read_tensors(in.array("inputs"), where + ".inputs"));
        TRY(out.outputs, read_tensors(in.array("outputs"), where + ".outputs"));
        TRY(in.finish());
        if (out.outputs.empty())
            return fail(Errc::invalid, where + ".outputs: at least one is needed");
        return out;
    }

    Result<std::vector<Tensor>> read_tensors(const boost::json::array& list,
                                             const std::string& where) {
        if (list.size() > max_tensors_per_case) {
            return fail(Errc::invalid,
                        fmt::format("{}: more than {} tensors", where, max_tensors_per_case));
        }
        std::vector<Tensor> out;
        for (std::size_t i = 0; i < list.size(); ++i) {
            TRY(auto tensor, read_tensor(list[i], fmt::format("{}[{}]", where, i)));
            if (std::ranges::find(out, tensor.name, &Tensor::name) != out.end()) {
                return fail(Errc::invalid,
                            fmt::format("{}: '{}' is there twice", where, tensor.name));
            }
            out.push_back(std::move(tensor));
        }
        return out;
    }

    Result<Tensor> read_tensor(const boost::json::value& value, const std::string& where) {
        JsonReader in(value, where);
        Tensor out;
        out.name = in.text("name");
        const auto type = data_type_from_string(in.text("datatype"));
        if (type) {
            out.type = *type;
        } else {
            in.reject("datatype",
                      "must be BOOL, UINT8..UINT64, INT8..INT64, FP16, FP32, FP64 or BYTES");
        }
        read_shape(in, out);
        const auto file = in.optional_text("file");
        const bool inside = in.has("data");
        const auto index = in.integer_or("data", 0, 0, max_dimension);
        TRY(in.finish());
        if (inside == file.has_value()) {
            return fail(Errc::invalid, where + ": exactly one of 'data' and 'file' is needed");
        }
        const auto done = inside ? read_inside(index, out) : read_raw_file(*file, out);
        if (!done) return context(where, done.error());
        return out;
    }

    static void read_shape(JsonReader& in, Tensor& out) {
        for (const auto& dimension : in.array("shape")) {
            const auto* size = dimension.if_int64();
            if (size == nullptr || *size < 0 || *size > max_dimension) {
                in.reject("shape", "must be a list of sizes");
                return;
            }
            out.shape.push_back(*size);
        }
    }

    Status read_inside(std::int64_t index, Tensor& out) {
        TRY(const auto array, document_.take(index));
        return read_tensor_data(array, out);
    }

    Status read_raw_file(const std::string& file, Tensor& out) {
        TRY(check_bundle_path(file));
        TRY(const auto bytes, read_file(bundle_ / file, max_file_bytes - file_bytes_));
        file_bytes_ += bytes.size();
        const auto done = read_tensor_binary(bytes, out);
        if (!done) return context(fmt::format("file {}", file), done.error());
        return {};
    }

    const std::filesystem::path& bundle_;
    SplitDocument& document_;
    std::size_t file_bytes_ = 0;
};

Status append_tensor(const Tensor& tensor, std::string& out) {
    TRY(check_tensor(tensor));
    out += "{\"name\":";
    append_json_string(tensor.name, out);
    out += fmt::format(",\"datatype\":\"{}\",\"shape\":{},\"data\":", to_string(tensor.type),
                       shape_text(tensor.shape));
    TRY(write_tensor_data(tensor, out));
    out += '}';
    return {};
}

Status append_tensors(std::string_view key, std::span<const Tensor> tensors, std::string& out) {
    out += fmt::format("\"{}\":[", key);
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        if (i > 0) out += ',';
        TRY(append_tensor(tensors[i], out));
    }
    out += ']';
    return {};
}

}  // namespace

Result<std::vector<GoldenCase>> load_golden(const std::filesystem::path& bundle,
                                            std::string_view file) {
    TRY(check_bundle_path(file));
    TRY(const auto text, read_text_file(bundle / file, max_document_bytes));
    const auto what = fmt::format("golden vectors {}", file);
    auto document = split_tensor_data(text);
    if (!document) return context(what, document.error());
    TRY(const auto root, parse_json(document->text, what));
    auto cases = GoldenReader(bundle, *document).read(root);
    if (!cases) return context(what, std::move(cases).error());
    return cases;
}

Result<std::string> write_golden(std::span<const GoldenCase> cases) {
    std::string out = "{\"cases\":[";
    for (std::size_t i = 0; i < cases.size(); ++i) {
        out += i == 0 ? "{" : ",{";
        TRY(append_tensors("inputs", cases[i].inputs, out));
        out += ',';
        TRY(append_tensors("outputs", cases[i].outputs, out));
        out += '}';
    }
    out += "]}\n";
    return out;
}

}  // namespace strandline::infer
