#include "cli/delta_view.h"

#include <fmt/core.h>

namespace strandline::cli {
namespace {

std::int64_t number(std::uint64_t value) { return static_cast<std::int64_t>(value); }

std::string size_text(std::uint64_t bytes) { return format_bytes(number(bytes)); }

std::vector<ObjectBuilder> shares_json(const delta::Breakdown& breakdown) {
    std::vector<ObjectBuilder> out;
    for (const auto& row : breakdown.rows()) {
        ObjectBuilder share;
        share.text("coding", row.name)
            .integer("new_bytes", number(row.new_bytes))
            .integer("delta_bytes", number(row.delta_bytes));
        out.push_back(std::move(share));
    }
    return out;
}

std::string shares_table(const delta::Breakdown& breakdown) {
    std::vector<std::vector<std::string>> table{{"CODING", "OF THE FILE", "IN THE DELTA", "RATIO"}};
    for (const auto& row : breakdown.rows()) {
        const bool makes = row.new_bytes > 0;
        table.push_back(
            {std::string(row.name), makes ? size_text(row.new_bytes) : "-",
             size_text(row.delta_bytes),
             makes ? fmt::format("{:.2f} %", percent(row.delta_bytes, row.new_bytes)) : "-"});
    }
    return format_table(table);
}

ObjectBuilder tensors_json(const delta::TensorCounts& tensors) {
    ObjectBuilder out;
    out.text("container", tensors.container)
        .integer("old", number(tensors.old_tensors))
        .integer("new", number(tensors.new_tensors))
        .integer("by_name", number(tensors.by_name))
        .integer("by_content", number(tensors.by_content))
        .integer("by_place", number(tensors.by_place))
        .integer("unmatched", number(tensors.unmatched))
        .integer("equal", number(tensors.equal))
        .integer("moved", number(tensors.moved));
    return out;
}

std::string tensors_text(const delta::TensorCounts& tensors) {
    return fmt::format(
        "{} of {} tensors have a relative among {} old ones: {} by name, {} by content, {} by "
        "place; {} are equal, {} moved. Container: {}",
        tensors.new_tensors - tensors.unmatched, tensors.new_tensors, tensors.old_tensors,
        tensors.by_name, tensors.by_content, tensors.by_place, tensors.equal, tensors.moved,
        tensors.container.empty() ? "unknown" : tensors.container);
}

}  // namespace

double percent(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 100.0 : 100 * static_cast<double>(part) / static_cast<double>(whole);
}

void show_made(const Context& context, const MadeDelta& made) {
    const auto& stats = made.stats;
    if (context.json()) {
        ObjectBuilder out;
        out.integer("delta_bytes", number(stats.patch_size))
            .integer("full_bytes", number(stats.new_size))
            .number("ratio", percent(stats.patch_size, stats.new_size) / 100)
            .number("seconds", made.seconds)
            .integer("decoder_memory_bytes", stats.decoder_memory)
            .boolean("full_file_is_better", stats.full_file_is_better);
        if (made.detailed) {
            out.objects("shares", shares_json(stats.breakdown));
            out.object("tensors", tensors_json(stats.tensors));
        }
        context.print(out.json());
        return;
    }
    context.print(
        fmt::format("{}: {} for a file of {} ({:.2f} %), made in {}, applied in {} of memory{}",
                    made.file, size_text(stats.patch_size), size_text(stats.new_size),
                    percent(stats.patch_size, stats.new_size),
                    format_duration_ms(static_cast<std::int64_t>(made.seconds * 1000)),
                    size_text(stats.decoder_memory),
                    stats.full_file_is_better ? "; sending the full file is better" : ""));
    if (!made.detailed) return;
    context.print("\n" + shares_table(stats.breakdown) + "\n" + tensors_text(stats.tensors));
}

void show_result(const Context& context, const std::string& name, const delta::DeltaInfo& info) {
    if (context.json()) {
        ObjectBuilder out;
        out.text("sha256", info.new_sha256_text()).integer("bytes", number(info.new_size));
        context.print(out.json());
        return;
    }
    context.print(
        fmt::format("{}: {} bytes, sha256 {}", name, info.new_size, info.new_sha256_text()));
}

void show_info(const Context& context, const delta::DeltaInfo& info,
               const delta::Breakdown& breakdown) {
    if (context.json()) {
        ObjectBuilder out;
        out.text("format", fmt::format("{}.{}", info.major, info.minor))
            .integer("delta_bytes", number(info.patch_size))
            .integer("old_bytes", number(info.old_size))
            .text("old_sha256", info.old_sha256_text())
            .integer("new_bytes", number(info.new_size))
            .text("new_sha256", info.new_sha256_text())
            .integer("segments", number(info.segments()))
            .integer("decoder_memory_bytes", info.decoder_memory)
            .objects("shares", shares_json(breakdown));
        context.print(out.json());
        return;
    }
    const auto whole = info.old_sha256.bytes.size();  // small deltas hold less
    context.print(format_table(
        {{"format", fmt::format("{}.{}", info.major, info.minor)},
         {"delta", fmt::format("{} bytes, {:.2f} % of the new file", info.patch_size,
                               percent(info.patch_size, info.new_size))},
         {"old file", fmt::format("{} bytes, sha256 {}{}", info.old_size, info.old_sha256_text(),
                                  info.old_sha256_bytes < whole ? "..." : "")},
         {"new file", fmt::format("{} bytes, sha256 {}{}", info.new_size, info.new_sha256_text(),
                                  info.new_sha256_bytes < whole ? "..." : "")},
         {"segments", fmt::format("{} of {}", info.segments(), size_text(info.segment_bytes))},
         {"memory to apply", size_text(info.decoder_memory)}}));
    context.print("\n" + shares_table(breakdown));
}

}  // namespace strandline::cli
