#include <chrono>
#include <filesystem>
#include <fmt/core.h>
#include <initializer_list>

#include "cli/delta_view.h"
#include "cli/simple_command.h"
#include "delta/files.h"

namespace strandline::cli {
namespace {

namespace fs = std::filesystem;

/// What the commands of the group may be given.
struct DeltaArguments {
    std::string old_file;
    std::string new_file;
    std::string patch;
    std::string profile;
    std::optional<std::int64_t> threads;
    bool stats = false;
    bool in_place = false;
};

/// A file to be made: under another name until it is right, so that what was there before stays.
class Output {
public:
    static Result<Output> beside(fs::path target, std::initializer_list<fs::path> inputs) {
        std::error_code missing;
        for (const auto& input : inputs) {
            if (fs::equivalent(input, target, missing))
                return fail(Errc::invalid,
                            "this file is needed, do not replace it: " + target.string());
        }
        if (fs::exists(target, missing) && !fs::is_regular_file(target, missing))
            return fail(Errc::invalid, "not a regular file, give another name: " + target.string());
        return Output(std::move(target));
    }

    [[nodiscard]] fs::path partial() const { return target_.string() + ".partial"; }

    [[nodiscard]] Status put_in_place() const {
        std::error_code error;
        fs::rename(partial(), target_, error);
        if (!error) return {};
        return fail(Errc::internal,
                    fmt::format("rename to {}: {}", target_.string(), error.message()));
    }

private:
    explicit Output(fs::path target) : target_(std::move(target)) {}
    fs::path target_;
};

class DeltaCommand : public Command {
public:
    DeltaCommand(std::string_view name, std::string_view summary)
        : name_(name), summary_(summary) {}
    [[nodiscard]] std::string_view name() const final { return name_; }
    [[nodiscard]] std::string_view summary() const final { return summary_; }

protected:
    void old_file(Arguments& arguments) {
        arguments.positional("old", given_.old_file, "file that the device has", true);
    }
    void new_file(Arguments& arguments, const char* name, const char* help) {
        arguments.positional(name, given_.new_file, help, true);
    }
    void patch(Arguments& arguments) {
        arguments.positional("patch", given_.patch, "delta file", true);
    }

    DeltaArguments given_;

private:
    std::string_view name_;
    std::string_view summary_;
};

class MakeDelta final : public DeltaCommand {
public:
    MakeDelta() : DeltaCommand("delta make", "Make a delta between two files") {}

    void declare(Arguments& arguments) override {
        old_file(arguments);
        new_file(arguments, "new", "file that it shall have");
        patch(arguments);
        arguments.option("--profile", given_.profile,
                         "small: for devices that have 512 KiB to apply it");
        arguments.option("--threads", given_.threads, "1 to 64; 1 unless said otherwise");
        arguments.flag("--in-place", given_.in_place,
                       "for devices without room for both files; a larger delta");
        arguments.flag("--stats", given_.stats, "show what the delta is made of");
    }

    Status run(Context& context) override {
        TRY(auto options, encode_options());
        TRY(const auto output, delta_output());
        if (context.interactive()) options.progress = show_progress;
        const auto start = std::chrono::steady_clock::now();
        auto stats =
            delta::make_delta_file(given_.old_file, given_.new_file, output.partial(), options);
        if (context.interactive()) fmt::print(stderr, "\r\033[K");
        if (!stats) return std::move(stats).error();
        TRY(output.put_in_place());
        const auto spent = std::chrono::steady_clock::now() - start;
        show_made(context, {given_.patch, *stats, std::chrono::duration<double>(spent).count(),
                            given_.stats});
        return {};
    }

private:
    // Names in the wrong order must not cost somebody a model.
    [[nodiscard]] Result<Output> delta_output() const {
        TRY(auto output, Output::beside(given_.patch, {given_.old_file, given_.new_file}));
        std::error_code missing;
        if (fs::exists(given_.patch, missing) && !delta::read_info_file(given_.patch)) {
            return fail(Errc::invalid, given_.patch +
                                           " exists and is no delta: remove it, or check the order "
                                           "of the names (OLD NEW PATCH)");
        }
        return output;
    }

    static void show_progress(std::uint64_t done, std::uint64_t total) {
        fmt::print(stderr, "\r\033[K{:.0f} %", percent(done, total));
        std::fflush(stderr);
    }

    [[nodiscard]] Result<delta::EncodeOptions> encode_options() const {
        const bool small = given_.profile == "small";
        if (!small && !given_.profile.empty() && given_.profile != "normal") {
            return fail(Errc::invalid,
                        fmt::format("--profile {}: give normal or small", given_.profile));
        }
        auto options = small ? delta::small_profile() : delta::EncodeOptions{};
        constexpr std::int64_t most_threads = 64;
        const auto threads = given_.threads.value_or(1);
        if (threads < 1 || threads > most_threads)
            return fail(Errc::invalid, fmt::format("--threads {}: give 1 to 64", threads));
        options.threads = static_cast<unsigned>(threads);
        options.in_place = given_.in_place;
        return options;
    }
};

class ApplyDelta final : public DeltaCommand {
public:
    ApplyDelta() : DeltaCommand("delta apply", "Turn an old file and a delta into the new file") {}

    void declare(Arguments& arguments) override {
        old_file(arguments);
        patch(arguments);
        arguments.positional("out", given_.new_file, "file to make", false);
        arguments.flag("--in-place", given_.in_place,
                       "turn the old file itself into the new one; goes on after a power cut");
    }

    Status run(Context& context) override {
        if (given_.in_place) return change_in_place(context);
        if (given_.new_file.empty())
            return fail(Errc::invalid, "name the file to make, or give --in-place");
        TRY(const auto output, Output::beside(given_.new_file, {given_.patch}));
        TRY(const auto done, delta::apply_delta(given_.old_file, given_.patch, output.partial()));
        TRY(output.put_in_place());
        show_result(context, given_.new_file, done);
        return {};
    }

private:
    Status change_in_place(Context& context) {
        if (!given_.new_file.empty())
            return fail(Errc::invalid,
                        "--in-place makes no other file: leave out " + given_.new_file);
        const fs::path journal = given_.old_file + ".journal";
        TRY(const auto done, delta::apply_delta_in_place(given_.old_file, given_.patch, journal));
        show_result(context, given_.old_file, done);
        return {};
    }
};

class VerifyDelta final : public DeltaCommand {
public:
    VerifyDelta()
        : DeltaCommand("delta verify", "Check that a delta turns an old file into what it says") {}

    void declare(Arguments& arguments) override {
        old_file(arguments);
        patch(arguments);
    }

    Status run(Context& context) override {
        TRY(const auto done, delta::verify_delta(given_.old_file, given_.patch));
        show_result(context, given_.patch + " is good", done);
        return {};
    }
};

class ShowDelta final : public DeltaCommand {
public:
    ShowDelta() : DeltaCommand("delta info", "Show what a delta declares and is made of") {}

    void declare(Arguments& arguments) override { patch(arguments); }

    Status run(Context& context) override {
        TRY(const auto info, delta::read_info_file(given_.patch));
        TRY(const auto patch, delta::FileReader::open(given_.patch));
        TRY(const auto breakdown, delta::read_breakdown(patch));
        show_info(context, info, breakdown);
        return {};
    }
};

}  // namespace

void add_delta_commands(Commands& commands) {
    commands.push_back(std::make_unique<MakeDelta>());
    commands.push_back(std::make_unique<ApplyDelta>());
    commands.push_back(std::make_unique<VerifyDelta>());
    commands.push_back(std::make_unique<ShowDelta>());
}

}  // namespace strandline::cli
