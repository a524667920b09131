#include <filesystem>
#include <fmt/core.h>

#include "cli/simple_command.h"
#include "delta/files.h"

namespace strandline::cli {
namespace {

void three_files(Arguments& arguments, SimpleOptions& options, const char* second,
                 const char* third) {
    arguments.positional("old", options.first, "file that the device has", true);
    arguments.positional(second, options.second, second, true);
    arguments.positional(third, options.filter, third, true);
}

double ratio(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 1.0 : static_cast<double>(part) / static_cast<double>(whole);
}

Status make(Context& context, const SimpleOptions& options) {
    delta::EncodeOptions encode;
    if (context.interactive()) {
        encode.progress = [](std::uint64_t done, std::uint64_t total) {
            fmt::print(stderr, "\r\033[K{:.0f}%", 100 * ratio(done, total));
            std::fflush(stderr);
        };
    }
    const auto stats =
        delta::make_delta_file(options.first, options.second, options.filter, encode);
    if (context.interactive()) fmt::print(stderr, "\r\033[K");
    if (!stats) return stats.error();
    if (context.json()) {
        ObjectBuilder out;
        out.integer("delta_bytes", static_cast<std::int64_t>(stats->patch_size));
        out.integer("full_bytes", static_cast<std::int64_t>(stats->new_size));
        out.number("ratio", ratio(stats->patch_size, stats->new_size));
        out.integer("decoder_memory_bytes", stats->decoder_memory);
        out.boolean("full_file_is_better", stats->full_file_is_better);
        context.print(out.json());
        return {};
    }
    context.print(
        fmt::format("{}: {} for a file of {} ({:.2f} %){}", options.filter,
                    format_bytes(static_cast<std::int64_t>(stats->patch_size)),
                    format_bytes(static_cast<std::int64_t>(stats->new_size)),
                    100 * ratio(stats->patch_size, stats->new_size),
                    stats->full_file_is_better ? "; sending the full file is better" : ""));
    return {};
}

Status apply(Context& context, const SimpleOptions& options) {
    namespace fs = std::filesystem;
    const fs::path target = options.filter;
    const fs::path partial = target.string() + ".partial";
    TRY(const auto done, delta::apply_delta(options.first, options.second, partial));
    std::error_code error;
    fs::rename(partial, target, error);
    if (error)
        return fail(Errc::internal,
                    fmt::format("rename to {}: {}", target.string(), error.message()));
    if (context.json()) {
        ObjectBuilder out;
        out.text("sha256", done.new_sha256.hex())
            .integer("bytes", static_cast<std::int64_t>(done.new_size));
        context.print(out.json());
        return {};
    }
    context.print(fmt::format("{}: {} bytes, sha256 {}", target.string(), done.new_size,
                              done.new_sha256.hex()));
    return {};
}

Status info(Context& context, const SimpleOptions& options) {
    TRY(const auto read, delta::read_info_file(options.first));
    ObjectBuilder out;
    out.text("format", fmt::format("{}.{}", read.major, read.minor));
    out.integer("delta_bytes", static_cast<std::int64_t>(read.patch_size));
    out.integer("old_bytes", static_cast<std::int64_t>(read.old_size))
        .text("old_sha256", read.old_sha256.hex());
    out.integer("new_bytes", static_cast<std::int64_t>(read.new_size))
        .text("new_sha256", read.new_sha256.hex());
    out.integer("segments", static_cast<std::int64_t>(read.segments()));
    out.integer("decoder_memory_bytes", read.decoder_memory);
    TRY(const auto document, Document::parse(out.json(), "delta"));
    context.show(document, [](const Document& item) {
        std::vector<std::vector<std::string>> rows;
        for (const auto& [key, value] : item.fields()) rows.push_back({key, value.text()});
        return format_table(rows);
    });
    return {};
}

}  // namespace

void add_delta_commands(Commands& commands) {
    commands.push_back(std::make_unique<SimpleCommand>(
        "delta make", "Make a delta between two files",
        [](Arguments& a, SimpleOptions& o) { three_files(a, o, "new", "patch"); }, make));
    commands.push_back(std::make_unique<SimpleCommand>(
        "delta apply", "Turn an old file and a delta into the new file",
        [](Arguments& a, SimpleOptions& o) { three_files(a, o, "patch", "out"); }, apply));
    commands.push_back(std::make_unique<SimpleCommand>("delta info", "Show what a delta declares",
                                                       one_argument("patch", "delta file"), info));
}

}  // namespace strandline::cli
