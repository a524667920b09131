#include <fmt/core.h>

#include "base/json.h"
#include "hub/backup/backup_record.h"

namespace strandline::hub {
namespace {

namespace json = boost::json;

constexpr std::int64_t max_count = std::int64_t{1} << 53;

// "hub.db", "keys/root.pem": what back_up() writes, and nothing that leads elsewhere.
bool stays_inside(std::string_view path) {
    if (path.empty() || path.front() == '/' || path.find('\\') != std::string_view::npos)
        return false;
    while (!path.empty()) {
        const auto part = path.substr(0, path.find('/'));
        if (part.empty() || part == "." || part == "..") return false;
        path.remove_prefix(std::min(part.size() + 1, path.size()));
    }
    return true;
}

Result<BackupFile> file_from_json(const json::value& value) {
    JsonReader in(value, "backup.json: files");
    BackupFile file;
    file.path = in.text("path");
    file.size = static_cast<std::uint64_t>(in.integer("size", 0, max_count));
    const auto digest = Sha256Digest::from_hex(in.text("sha256"));
    if (digest) file.digest = *digest;
    if (!digest) in.reject("sha256", digest.error().message);
    if (!stays_inside(file.path)) in.reject("path", "must stay inside the backup");
    TRY(in.finish());
    return file;
}

}  // namespace

std::string to_json(const BackupRecord& record) {
    json::array files;
    for (const auto& file : record.files) {
        files.push_back(
            json::object{{"path", file.path}, {"size", file.size}, {"sha256", file.digest.hex()}});
    }
    return write_json(json::object{{"format", backup_format},
                                   {"version", record.version},
                                   {"made", to_rfc3339(record.made)},
                                   {"schema", record.schema},
                                   {"ca_sha256", record.ca_sha256},
                                   {"files", std::move(files)},
                                   {"blobs", record.blobs},
                                   {"blob_bytes", record.blob_bytes}}) +
           "\n";
}

Result<BackupRecord> backup_record_from_json(std::string_view text) {
    TRY(const auto value, parse_json(text, "backup.json"));
    JsonReader in(value, "backup.json");
    const auto format = in.integer("format", 1, max_count);
    BackupRecord record;
    record.version = in.text("version");
    if (format > backup_format) {
        return fail(Errc::conflict,
                    fmt::format("this backup has format {}, made by strandlined {}; restore it "
                                "with that version",
                                format, record.version));
    }
    const auto made = from_rfc3339(in.text("made"));
    if (made) record.made = *made;
    if (!made) in.reject("made", made.error().message);
    record.schema = static_cast<int>(in.integer("schema", 1, 1'000'000));
    record.ca_sha256 = in.text("ca_sha256");
    record.blobs = static_cast<std::uint64_t>(in.integer("blobs", 0, max_count));
    record.blob_bytes = static_cast<std::uint64_t>(in.integer("blob_bytes", 0, max_count));
    for (const auto& item : in.array("files")) {
        TRY(auto file, file_from_json(item));
        record.files.push_back(std::move(file));
    }
    TRY(in.finish());
    return record;
}

}  // namespace strandline::hub
