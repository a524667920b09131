#include <fmt/core.h>

#include "base/file.h"
#include "base/folder_format.h"
#include "base/json.h"

namespace strandline {
namespace {

constexpr std::size_t max_bytes = 4096;
constexpr std::int64_t max_format = 1'000'000;

std::filesystem::path file_in(const std::filesystem::path& folder) {
    return folder / "format.json";
}

}  // namespace

Result<std::optional<FolderFormat>> read_folder_format(const std::filesystem::path& folder) {
    const auto file = file_in(folder);
    const auto text = read_text_file(file, max_bytes);
    if (!text && text.error().code == Errc::not_found) return std::optional<FolderFormat>{};
    if (!text) return text.error();
    TRY(const auto json, parse_json(*text, file.string()));
    JsonReader in(json, file.string());
    FolderFormat found;
    found.program = in.text("program");
    found.format = static_cast<int>(in.integer("format", 1, max_format));
    found.version = in.text_or("version", "");
    // A newer program may say more about it; that it is newer must still be understood.
    TRY(in.finish_lenient());
    return std::optional(std::move(found));
}

Status write_folder_format(const std::filesystem::path& folder, const FolderFormat& format) {
    const boost::json::object out{
        {"program", format.program}, {"format", format.format}, {"version", format.version}};
    return write_file_atomically(file_in(folder), as_bytes(write_json(out) + "\n"));
}

Status check_folder_format(const std::filesystem::path& folder, const FolderFormat& found,
                           std::string_view program, int newest) {
    if (found.program != program) {
        return fail(Errc::conflict, fmt::format("{} is a state folder of {}, not of {}; give "
                                                "--state another folder",
                                                folder.string(), found.program, program));
    }
    if (found.format <= newest) return {};
    return fail(Errc::conflict,
                fmt::format("state folder {} has format {} (of {} {}), this program knows up to "
                            "{}; use that version, or restore a backup made before the upgrade",
                            folder.string(), found.format, found.program, found.version, newest));
}

}  // namespace strandline
