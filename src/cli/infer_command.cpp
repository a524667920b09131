#include <charconv>
#include <fmt/core.h>
#include <map>

#include "base/file.h"
#include "cli/raw_tensor.h"
#include "cli/simple_command.h"
#include "net/http_client.h"
#include "net/runtime.h"

namespace strandline::cli {
namespace {

constexpr std::size_t input_limit = std::size_t{256} << 20;
constexpr std::chrono::seconds inference_limit{60};

constexpr std::string_view header_length = "Inference-Header-Content-Length";

struct InferenceAnswer {
    Document document;
    std::string tensors;  ///< raw data of the outputs that were asked for in this form, in order
};

/// Open Inference Protocol v2 over HTTP: JSON header, then raw tensors.
class InferenceClient {
public:
    [[nodiscard]] static Result<std::unique_ptr<InferenceClient>> create(
        const std::string& server) {
        TRY(const auto url, net::Url::parse(server));
        auto client = std::make_unique<InferenceClient>();
        client->origin_ = url.origin();
        net::ClientOptions options;
        options.max_body_bytes = input_limit;
        TRY(client->http_, net::HttpClient::create(client->runtime_, options));
        return client;
    }

    [[nodiscard]] Result<Document> metadata(const std::string& model) {
        net::ClientRequest request;
        request.url = origin_ + model;
        TRY(const auto response, send(std::move(request)));
        return Document::parse(response.body, "answer of " + origin_);
    }

    /// `body` is JSON of `json_bytes` bytes and the tensors behind it.
    [[nodiscard]] Result<InferenceAnswer> infer(const std::string& model, std::string body,
                                                std::size_t json_bytes) {
        net::ClientRequest request;
        request.method = net::Method::post;
        request.url = origin_ + model + "/infer";
        request.headers.set(header_length, std::to_string(json_bytes));
        request.headers.set("Content-Type", "application/octet-stream");
        request.body = std::move(body);
        TRY(const auto response, send(std::move(request)));
        TRY(const auto length, json_length(response));
        TRY(auto document,
            Document::parse(response.body.substr(0, length), "answer of " + origin_));
        return InferenceAnswer{std::move(document), response.body.substr(length)};
    }

private:
    [[nodiscard]] Result<net::ClientResponse> send(net::ClientRequest request) {
        request.deadline = Deadline::after(inference_limit);
        auto response = runtime_.block_on(http_->send(std::move(request)));
        if (!response) return context(origin_, std::move(response).error());
        if (response->status < 400) return response;
        TRY(const auto document, Document::parse(response->body, "answer of " + origin_));
        return fail(errc_from_http_status(response->status), document.text("error"));
    }

    [[nodiscard]] static Result<std::size_t> json_length(const net::ClientResponse& response) {
        const auto text = response.headers.find(header_length);
        if (!text) return response.body.size();
        std::size_t length = 0;
        const auto* const end = text->data() + text->size();
        const auto [stop, error] = std::from_chars(text->data(), end, length);
        if (error == std::errc{} && stop == end && length <= response.body.size()) return length;
        return fail(Errc::corrupt, fmt::format("the answer has {} bytes, its JSON part {}",
                                               response.body.size(), *text));
    }

    net::Runtime runtime_{{.worker_threads = 1, .max_queued_work = 16}};
    std::unique_ptr<net::HttpClient> http_;
    std::string origin_;
};

std::vector<std::int64_t> concrete_shape(const Document& input) {
    std::vector<std::int64_t> shape;
    // A free dimension is negative.
    for (const auto& dimension : input.list("shape"))
        shape.push_back(std::max<std::int64_t>(dimension.integer(), 1));
    return shape;
}

// JSON has no FP16, so these outputs are asked for as raw data, which names every other output too.
std::vector<ObjectBuilder> wanted_outputs(const Document& metadata) {
    std::vector<ObjectBuilder> outputs;
    bool any = false;
    for (const auto& output : metadata.list("outputs")) {
        ObjectBuilder wanted;
        wanted.text("name", output.text("name"));
        if (output.text("datatype") == "FP16") {
            any = true;
            ObjectBuilder parameters;
            parameters.boolean("binary_data", true);
            wanted.object("parameters", parameters);
        }
        outputs.push_back(std::move(wanted));
    }
    if (!any) outputs.clear();
    return outputs;
}

// The output with the values of its raw data, which is taken off `tensors`, where it has some.
Result<ObjectBuilder> with_values(const Document& output, ByteSpan& tensors) {
    const bool raw = output.has("parameters.binary_data_size");
    ObjectBuilder out;
    for (const auto& [key, value] : output.fields()) {
        if (!raw || key != "parameters") out.document(key, value);
    }
    if (!raw) return out;
    const auto size = static_cast<std::uint64_t>(output.integer("parameters.binary_data_size"));
    if (size > tensors.size() || output.text("datatype") != "FP16") {
        return fail(Errc::corrupt,
                    "output " + output.text("name") + ": not the data that was asked for");
    }
    TRY(const auto values, Document::parse(fp16_json(tensors.first(size)), "output"));
    tensors = tensors.subspan(size);
    out.document("data", values);
    return out;
}

Result<Document> with_values(const InferenceAnswer& answer) {
    auto tensors = as_bytes(answer.tensors);
    std::vector<ObjectBuilder> outputs;
    for (const auto& output : answer.document.list("outputs")) {
        TRY(auto decoded, with_values(output, tensors));
        outputs.push_back(std::move(decoded));
    }
    ObjectBuilder whole;
    for (const auto& [key, value] : answer.document.fields()) {
        if (key == "outputs") {
            whole.objects(key, outputs);
        } else {
            whole.document(key, value);
        }
    }
    return Document::parse(whole.json(), "answer");
}

// "NAME=TEXT" options by name.
Result<std::map<std::string, std::string>> by_name(const std::vector<std::string>& texts,
                                                   std::string_view option, std::string_view form) {
    std::map<std::string, std::string> out;
    for (const auto& text : texts) {
        const auto equals = text.find('=');
        if (equals == std::string::npos)
            return fail(Errc::invalid, fmt::format("{} \"{}\": write {}", option, text, form));
        out[text.substr(0, equals)] = text.substr(equals + 1);
    }
    return out;
}

class InferCommand final : public Command {
public:
    [[nodiscard]] std::string_view name() const override { return "infer"; }
    [[nodiscard]] std::string_view summary() const override {
        return "Run one inference on a device or server";
    }
    void declare(Arguments& arguments) override {
        arguments.positional("model", model_, "model (slot) name", true);
        arguments.option("--server", server_,
                         "Open Inference Protocol v2 server (http://127.0.0.1:8500)");
        arguments.repeated("--input", inputs_,
                           "NAME=FILE with raw little-endian values; repeat for more");
        arguments.repeated("--shape", shapes_,
                           "NAME=1,3,224,224: the input's shape, where the model leaves dimensions "
                           "free (each 1); repeat for more");
    }
    [[nodiscard]] Status run(Context& context) override {
        TRY(auto client,
            InferenceClient::create(server_.empty() ? "http://127.0.0.1:8500" : server_));
        const std::string path = "/v2/models/" + net::percent_encode(model_);
        TRY(const auto metadata, client->metadata(path));
        std::string tensors;
        TRY(const auto header, request_header(metadata, tensors));
        TRY(const auto raw, client->infer(path, header + tensors, header.size()));
        TRY(const auto answer, with_values(raw));
        context.show(answer, [](const Document& item) {
            std::string out =
                fmt::format("{} {}\n", item.text("model_name"), item.text("model_version"));
            for (const auto& tensor : item.list("outputs")) {
                out += fmt::format("{} {} {} = {}\n", tensor.text("name"), tensor.text("datatype"),
                                   tensor.text("shape"), tensor.text("data"));
            }
            return out;
        });
        return {};
    }

private:
    [[nodiscard]] Result<std::vector<std::int64_t>> shape_of(
        const Document& input, std::map<std::string, std::string>& shapes) const {
        const auto given = shapes.extract(input.text("name"));
        if (!given) return concrete_shape(input);
        auto shape = parse_shape(given.mapped());
        if (!shape) return strandline::context("--shape " + given.key(), std::move(shape).error());
        return shape;
    }

    [[nodiscard]] Result<std::string> request_header(const Document& metadata,
                                                     std::string& tensors) const {
        TRY(auto files, by_name(inputs_, "--input", "NAME=FILE"));
        TRY(auto shapes, by_name(shapes_, "--shape", "NAME=1,3,224,224"));
        std::vector<ObjectBuilder> inputs;
        for (const auto& input : metadata.list("inputs")) {
            const std::string name = input.text("name");
            if (!files.contains(name)) {
                return fail(Errc::invalid,
                            fmt::format("input {} {} {} is missing: add --input {}=FILE", name,
                                        input.text("datatype"), input.text("shape"), name));
            }
            TRY(const auto bytes, read_file(files[name], input_limit));
            TRY(const auto shape, shape_of(input, shapes));
            TRY(const auto shape_document, Document::parse(shape_json(shape), "shape"));
            ObjectBuilder parameters;
            parameters.integer("binary_data_size", static_cast<std::int64_t>(bytes.size()));
            ObjectBuilder tensor;
            tensor.text("name", name)
                .text("datatype", input.text("datatype"))
                .document("shape", shape_document);
            tensor.object("parameters", parameters);
            inputs.push_back(std::move(tensor));
            tensors += as_text(bytes);
        }
        if (!shapes.empty()) {
            return fail(Errc::invalid, "--shape " + shapes.begin()->first +
                                           ": the model has no input of this name");
        }
        ObjectBuilder header;
        header.objects("inputs", inputs);
        const auto outputs = wanted_outputs(metadata);
        if (!outputs.empty()) header.objects("outputs", outputs);
        return header.json();
    }

    std::string model_;
    std::string server_;
    std::vector<std::string> inputs_;
    std::vector<std::string> shapes_;
};

}  // namespace

void add_infer_command(Commands& commands) { commands.push_back(std::make_unique<InferCommand>()); }

}  // namespace strandline::cli
