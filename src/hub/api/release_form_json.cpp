#include "hub/api/api_json.h"
#include "hub/api/release_form.h"

namespace strandline::hub {
namespace {

Result<registry::FileSpec> read_file_spec(const boost::json::value& value,
                                          const std::string& where) {
    JsonReader in(value, where);
    registry::FileSpec file;
    file.path = in.text("path");
    const auto sha256 = in.text("sha256");
    file.executable = in.boolean_or("executable", false);
    TRY(in.finish());
    TRY(file.sha256, Sha256Digest::from_hex(sha256));
    return file;
}

void read_files(JsonReader& in, std::vector<registry::FileSpec>& files) {
    std::size_t index = 0;
    for (const auto& value : in.array("files")) {
        auto file = read_file_spec(value, in.where() + ".files[" + std::to_string(index++) + "]");
        if (!file) return in.require(file.error());
        files.push_back(*std::move(file));
    }
}

void read_kind(JsonReader& in, trust::RuntimeKind& kind) {
    const auto name = in.text_or("kind", trust::to_string(kind));
    for (const auto known :
         {trust::RuntimeKind::onnx, trust::RuntimeKind::process, trust::RuntimeKind::container}) {
        if (name == trust::to_string(known)) {
            kind = known;
            return;
        }
    }
    in.reject("kind", "must be onnx, process or container");
}

void read_requirements(JsonReader& in, trust::Requirements& requirements) {
    const auto* value = read_object(in, "requirements");
    if (value == nullptr) return;
    constexpr std::int64_t most = std::int64_t{1} << 53;
    JsonReader part(*value, in.where() + ".requirements");
    requirements.arch = read_texts(part, "arch");
    requirements.ram_bytes = static_cast<std::uint64_t>(part.integer_or("ram_bytes", 0, 0, most));
    requirements.disk_bytes = static_cast<std::uint64_t>(part.integer_or("disk_bytes", 0, 0, most));
    requirements.accelerator = part.text_or("accelerator", "");
    requirements.opset = part.integer_or("opset", 0, 0, 1'000'000);
    in.require(part.finish());
}

void read_golden(JsonReader& in, std::optional<trust::GoldenSpec>& golden) {
    const auto* value = read_object(in, "golden");
    if (value == nullptr) return;
    constexpr double loosest = 1e9;
    JsonReader part(*value, in.where() + ".golden");
    trust::GoldenSpec spec;
    spec.file = part.text("file");
    spec.absolute = part.number_or("absolute", spec.absolute, 0, loosest);
    spec.relative = part.number_or("relative", spec.relative, 0, loosest);
    in.require(part.finish());
    golden = std::move(spec);
}

}  // namespace

Result<registry::ReleaseRequest> release_request_from_json(std::string_view text,
                                                           std::string_view what) {
    TRY(const auto value, parse_json(text, what));
    JsonReader in(value, std::string(what));
    registry::ReleaseRequest request;
    request.package = in.text("package");
    request.version = in.text("version");
    request.variant = in.text_or("variant", request.variant);
    read_kind(in, request.kind);
    request.entry = in.text_or("entry", "");
    read_files(in, request.files);
    request.arguments = read_texts(in, "arguments");
    read_requirements(in, request.requirements);
    read_golden(in, request.golden);
    request.labels = read_map(in, "labels");
    request.channel = in.optional_text("channel");
    TRY(in.finish());
    return request;
}

}  // namespace strandline::hub
