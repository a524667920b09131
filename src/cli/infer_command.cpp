#include <fcntl.h>
#include <fmt/core.h>
#include <map>

#include "base/file.h"
#include "cli/simple_command.h"
#include "net/http_client.h"
#include "net/runtime.h"

namespace strandline::cli {
namespace {

constexpr std::size_t input_limit = std::size_t{256} << 20;
constexpr std::chrono::seconds inference_limit{60};

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

    [[nodiscard]] Result<Document> exchange(net::Method method, const std::string& path,
                                            std::string body, std::size_t json_bytes) {
        net::ClientRequest request;
        request.method = method;
        request.url = origin_ + path;
        if (method == net::Method::post) {
            request.headers.set("Inference-Header-Content-Length", std::to_string(json_bytes));
            request.headers.set("Content-Type", "application/octet-stream");
        }
        request.body = std::move(body);
        request.deadline = Deadline::after(inference_limit);
        auto response = runtime_.block_on(http_->send(std::move(request)));
        if (!response) return context(origin_, std::move(response).error());
        TRY(auto document, Document::parse(response->body, "answer of " + origin_));
        if (response->status >= 400)
            return fail(errc_from_http_status(response->status), document.text("error"));
        return document;
    }

private:
    net::Runtime runtime_{{.worker_threads = 1, .max_queued_work = 16}};
    std::unique_ptr<net::HttpClient> http_;
    std::string origin_;
};

std::vector<std::int64_t> concrete_shape(const Document& input) {
    std::vector<std::int64_t> shape;
    for (const auto& dimension : input.list("shape"))
        shape.push_back(std::max<std::int64_t>(dimension.integer(), 1));
    return shape;
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
    }
    [[nodiscard]] Status run(Context& context) override {
        TRY(auto client,
            InferenceClient::create(server_.empty() ? "http://127.0.0.1:8500" : server_));
        const std::string path = "/v2/models/" + net::percent_encode(model_);
        TRY(const auto metadata, client->exchange(net::Method::get, path, {}, 0));
        std::string tensors;
        TRY(const auto header, request_header(metadata, tensors));
        TRY(const auto answer,
            client->exchange(net::Method::post, path + "/infer", header + tensors, header.size()));
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
    [[nodiscard]] Result<std::map<std::string, std::string>> files() const {
        std::map<std::string, std::string> out;
        for (const auto& text : inputs_) {
            const auto equals = text.find('=');
            if (equals == std::string::npos)
                return fail(Errc::invalid, "--input \"" + text + "\": write NAME=FILE");
            out[text.substr(0, equals)] = text.substr(equals + 1);
        }
        return out;
    }

    [[nodiscard]] Result<std::string> request_header(const Document& metadata,
                                                     std::string& tensors) const {
        TRY(auto given, files());
        std::vector<ObjectBuilder> inputs;
        for (const auto& input : metadata.list("inputs")) {
            const std::string name = input.text("name");
            if (!given.contains(name)) {
                return fail(Errc::invalid,
                            fmt::format("input {} {} {} is missing: add --input {}=FILE", name,
                                        input.text("datatype"), input.text("shape"), name));
            }
            TRY(const auto bytes, read_file(given[name], input_limit));
            ObjectBuilder parameters;
            parameters.integer("binary_data_size", static_cast<std::int64_t>(bytes.size()));
            std::string shape;
            for (const auto dimension : concrete_shape(input))
                shape += (shape.empty() ? "[" : ",") + std::to_string(dimension);
            TRY(const auto shape_document,
                Document::parse(shape.empty() ? "[]" : shape + "]", "shape"));
            ObjectBuilder tensor;
            tensor.text("name", name)
                .text("datatype", input.text("datatype"))
                .document("shape", shape_document);
            tensor.object("parameters", parameters);
            inputs.push_back(std::move(tensor));
            tensors += as_text(bytes);
        }
        ObjectBuilder header;
        header.objects("inputs", inputs);
        return header.json();
    }

    std::string model_;
    std::string server_;
    std::vector<std::string> inputs_;
};

}  // namespace

void add_infer_command(Commands& commands) { commands.push_back(std::make_unique<InferCommand>()); }

}  // namespace strandline::cli
