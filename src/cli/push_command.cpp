#include <cstdlib>
#include <fmt/core.h>
#include <unistd.h>

#include "cli/bundle.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/upload.h"

namespace strandline::cli {
namespace {

std::filesystem::path upload_journal() {
    const char* cache = std::getenv("XDG_CACHE_HOME");  // NOLINT(concurrency-mt-unsafe): one thread
    if (cache != nullptr && *cache != '\0')
        return std::filesystem::path(cache) / "strandline" / "uploads.json";
    const char* home = std::getenv("HOME");  // NOLINT(concurrency-mt-unsafe): one thread
    return std::filesystem::path(home == nullptr ? "/tmp" : home) / ".cache" / "strandline" /
           "uploads.json";
}

class PushCommand final : public Command {
public:
    [[nodiscard]] std::string_view name() const override { return "push"; }
    [[nodiscard]] std::string_view summary() const override {
        return "Upload a model or a folder as a release";
    }
    void declare(Arguments& arguments) override {
        arguments.positional("source", source_, "model file or bundle folder", true);
        arguments.option("--package", package_, "package name (required)");
        arguments.option("--version", version_, "semantic version (required)");
        arguments.option("--variant", variant_, "variant, such as rain or int8-arm64");
        arguments.option("--golden", golden_,
                         "golden vectors for the devices' self-test (golden.json)");
        arguments.option("--absolute", absolute_, "absolute tolerance of the golden outputs");
        arguments.option("--relative", relative_, "relative tolerance of the golden outputs");
        arguments.option("--channel", channel_, "channel to move to this release");
        arguments.option("--kind", kind_, "onnx (default) or process");
        arguments.option("--entry", entry_, "path of the model or executable inside the bundle");
        arguments.repeated("--arg", arguments_, "argument of a process; repeat for more");
        arguments.repeated("--arch", arch_,
                           "machine the release runs on (uname -m); repeat for more");
        arguments.option("--ram", ram_bytes_, "bytes of memory it needs");
        arguments.repeated("--label", labels_, "label key=value; repeat for more");
    }

    [[nodiscard]] Status run(Context& context) override {
        if (package_.empty() || version_.empty())
            return fail(Errc::invalid, "push needs --package and --version");
        TRY(const auto bundle, collect_bundle({source_, golden_, entry_}));
        TRY(auto* hub, context.hub());
        Uploaded totals;
        std::uint64_t bytes = 0;
        for (const auto& file : bundle.files) {
            TRY(const auto uploaded, send(context, *hub, file));
            totals.bytes_sent += uploaded.bytes_sent;
            bytes += file.size;
        }
        TRY(const auto body, request(bundle));
        TRY(const auto release, hub->post("/v1/releases", body.json()));
        context.show(release, [&](const Document& made) {
            return fmt::format("{}@{}:{}  {} files, {} (sent {}), manifest {}",
                               made.text("package"), made.text("version"), made.text("variant"),
                               bundle.files.size(), format_bytes(static_cast<std::int64_t>(bytes)),
                               format_bytes(static_cast<std::int64_t>(totals.bytes_sent)),
                               made.text("manifest").substr(0, 12));
        });
        return {};
    }

private:
    [[nodiscard]] static Result<Uploaded> send(Context& context, HubClient& hub,
                                               const BundleFile& file) {
        UploadOptions options;
        options.journal = upload_journal();
        int shown = -1;
        if (context.interactive()) {
            options.progress = [&](std::uint64_t offset) {
                const int percent =
                    file.size == 0 ? 100 : static_cast<int>(offset * 100 / file.size);
                if (percent == shown) return;
                shown = percent;
                fmt::print(stderr, "\r\033[K{} {} {}%", file.path,
                           format_bytes(static_cast<std::int64_t>(file.size)), percent);
                std::fflush(stderr);
            };
        }
        auto uploaded = upload_file(hub, file, options);
        if (shown >= 0) fmt::print(stderr, "\r\033[K");
        if (uploaded && uploaded->resumed_at > 0) {
            context.note(fmt::format("{}: resumed at {} of {} bytes", file.path,
                                     uploaded->resumed_at, file.size));
        }
        return uploaded;
    }

    [[nodiscard]] Result<ObjectBuilder> request(const Bundle& bundle) const {
        std::vector<ObjectBuilder> files;
        for (const auto& file : bundle.files) {
            ObjectBuilder entry;
            entry.text("path", file.path).text("sha256", file.sha256.hex());
            if (file.executable) entry.boolean("executable", true);
            files.push_back(std::move(entry));
        }
        ObjectBuilder body;
        body.text("package", package_).text("version", version_).text_if("variant", variant_);
        body.text_if("kind", kind_)
            .text("entry", bundle.entry)
            .objects("files", files)
            .text_if("channel", channel_);
        if (!arguments_.empty()) body.texts("arguments", arguments_);
        if (!bundle.golden.empty()) {
            ObjectBuilder golden;
            golden.text("file", bundle.golden);
            if (absolute_) golden.number("absolute", *absolute_);
            if (relative_) golden.number("relative", *relative_);
            body.object("golden", golden);
        }
        if (!arch_.empty() || ram_bytes_) {
            ObjectBuilder requirements;
            if (!arch_.empty()) requirements.texts("arch", arch_);
            if (ram_bytes_) requirements.integer("ram_bytes", *ram_bytes_);
            body.object("requirements", requirements);
        }
        if (!labels_.empty()) {
            TRY(const auto labels, parse_labels(labels_, "--label"));
            body.object("labels", labels);
        }
        return body;
    }

    std::string source_;
    std::string package_;
    std::string version_;
    std::string variant_;
    std::string golden_;
    std::optional<double> absolute_;
    std::optional<double> relative_;
    std::string channel_;
    std::string kind_;
    std::string entry_;
    std::vector<std::string> arguments_;
    std::vector<std::string> arch_;
    std::optional<std::int64_t> ram_bytes_;
    std::vector<std::string> labels_;
};

}  // namespace

void add_push_command(Commands& commands) { commands.push_back(std::make_unique<PushCommand>()); }

}  // namespace strandline::cli
