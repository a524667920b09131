#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <map>
#include <utility>

#include "base/log.h"
#include "base/utf8.h"
#include "base/version.h"
#include "cli/context.h"

namespace strandline::cli {
namespace {

constexpr int usage_exit_code = info(Errc::invalid).exit_code;

class CliArguments final : public Arguments {
public:
    explicit CliArguments(CLI::App& app) : app_(&app) {}

    void positional(std::string name, std::string& value, std::string help,
                    bool required) override {
        app_->add_option(std::move(name), value, std::move(help))->required(required);
    }
    void option(std::string flags, std::string& value, std::string help) override {
        app_->add_option(std::move(flags), value, std::move(help));
    }
    void option(std::string flags, std::optional<std::int64_t>& value, std::string help) override {
        app_->add_option(std::move(flags), value, std::move(help));
    }
    void option(std::string flags, std::optional<double>& value, std::string help) override {
        app_->add_option(std::move(flags), value, std::move(help));
    }
    void repeated(std::string flags, std::vector<std::string>& values, std::string help) override {
        app_->add_option(std::move(flags), values, std::move(help))
            ->take_all()
            ->allow_extra_args(false);
    }
    void flag(std::string flags, bool& value, std::string help) override {
        app_->add_flag(std::move(flags), value, std::move(help));
    }

private:
    CLI::App* app_;
};

CLI::App& app_of(CLI::App& root, std::string_view name, std::string_view summary) {
    const auto space = name.find(' ');
    if (space == std::string_view::npos) {
        return *root.add_subcommand(std::string(name), std::string(summary));
    }
    const std::string group(name.substr(0, space));
    const auto named = [&](CLI::App* app) { return app->get_name() == group; };
    const auto groups = root.get_subcommands(named);
    CLI::App* parent = groups.empty() ? nullptr : groups.front();
    if (parent == nullptr) {
        parent = root.add_subcommand(group, "see `strandline " + group + " --help`");
        parent->require_subcommand(0, 1);
    }
    return *parent->add_subcommand(std::string(name.substr(space + 1)), std::string(summary));
}

void declare_on(CLI::App& app, Command& command) {
    app.fallthrough();
    CliArguments arguments(app);
    command.declare(arguments);
}

class CompletionCommand final : public Command {
public:
    [[nodiscard]] std::string_view name() const override { return "completion"; }
    [[nodiscard]] std::string_view summary() const override {
        return "Print a completion script: eval \"$(strandline completion bash)\"";
    }
    void declare(Arguments& arguments) override {
        arguments.positional("shell", shell_, "bash, zsh or fish", true);
    }
    [[nodiscard]] Status run(Context& context) override {
        TRY(const auto script, completion_script(shell_, all_commands()));
        context.print(script);
        return {};
    }

private:
    std::string shell_;
};

void report(const Error& error, const GlobalOptions& options) {
    if (options.output == OutputFormat::json) {
        ObjectBuilder inner;
        inner.text("code", info(error.code).name).text("message", error.message);
        ObjectBuilder outer;
        outer.object("error", inner);
        fmt::print(stderr, "{}\n", printable_json(outer.json()));
    } else {
        fmt::print(stderr, "strandline: {}\n", printable(error.message, "\n\t"));
    }
}

// `devices` alone means `devices list`.
bool lists_by_default(std::string_view name) {
    return name == "releases list" || name == "devices list" || name == "clusters list" ||
           name == "token list";
}

// The library would say only that a subcommand is required.
bool explain_unknown_command(const CLI::App& root, const CLI::ParseError& error) {
    const auto rest = root.remaining();
    if (error.get_name() != "RequiredError" || rest.empty()) return false;
    fmt::print(stderr, "strandline: there is no command \"{}\"; see strandline --help\n",
               rest.front());
    return true;
}

Result<GlobalOptions> checked(const std::string& output, std::string profile, bool quiet) {
    if (output != "text" && output != "json") {
        return fail(Errc::invalid, fmt::format("--output \"{}\": use text or json", output));
    }
    return GlobalOptions{output == "json" ? OutputFormat::json : OutputFormat::text,
                         std::move(profile), quiet};
}

}  // namespace

Commands all_commands() {
    Commands commands;
    add_login_commands(commands);
    add_push_command(commands);
    add_release_commands(commands);
    add_deploy_commands(commands);
    add_status_commands(commands);
    add_device_commands(commands);
    add_cluster_commands(commands);
    add_token_commands(commands);
    add_infer_command(commands);
    add_delta_commands(commands);
    add_doctor_command(commands);
    commands.push_back(std::make_unique<CompletionCommand>());
    return commands;
}

int run_command_line(int argc, const char* const* argv) {
    configure_log(LogLevel::warn, LogFormat::text, "strandline");
    CLI::App root("Strandline: models to the edge, as small signed deltas.", "strandline");
    root.require_subcommand(1);
    root.set_version_flag("--version", std::string(program_version));
    std::string output = "text";
    std::string profile;
    bool quiet = false;
    root.add_option("-o,--output", output, "text or json")->envname("STRANDLINE_OUTPUT");
    root.add_option("--profile", profile, "where `login` keeps hub and token")
        ->envname("STRANDLINE_PROFILE");
    root.add_flag("-q,--quiet", quiet, "no progress");
    root.fallthrough();

    const Commands commands = all_commands();
    std::map<CLI::App*, Command*> by_app;
    for (const auto& command : commands) {
        CLI::App& app = app_of(root, command->name(), command->summary());
        declare_on(app, *command);
        by_app[&app] = command.get();
        if (lists_by_default(command->name())) {
            declare_on(*app.get_parent(), *command);
            by_app[app.get_parent()] = command.get();
        }
    }
    try {
        root.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (explain_unknown_command(root, error)) return usage_exit_code;
        return root.exit(error) == 0 ? 0 : usage_exit_code;
    }
    auto options = checked(output, profile, quiet);
    if (!options) {
        report(options.error(), {});
        return usage_exit_code;
    }
    CLI::App* chosen = root.get_subcommands().front();
    while (!chosen->get_subcommands().empty()) chosen = chosen->get_subcommands().front();
    Context context(*options);
    if (!by_app.contains(chosen)) {
        fmt::print(stderr, "{}", chosen->help());
        return usage_exit_code;
    }
    const Status status = by_app.at(chosen)->run(context);
    if (status) return context.exit_code();
    report(status.error(), *options);
    return info(status.error().code).exit_code;
}

}  // namespace strandline::cli
