#include "store/sql/sqlite_file.h"

#include <fcntl.h>
#include <fmt/core.h>

#include "base/file.h"
#include "store/sql/session.h"

namespace strandline::store {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view prefix = "sqlite:";

struct OpenFile {
    std::unique_ptr<Dialect> dialect;
    std::unique_ptr<Session> session;
};

Result<OpenFile> open_database(const fs::path& file) {
    // SQLite would make an empty one.
    if (!fs::exists(file))
        return fail(Errc::not_found, fmt::format("{} does not exist", file.string()));
    OpenFile out;
    out.dialect = make_sqlite_dialect(file.string(), DatabaseOptions{});
    TRY(out.session, Session::connect(*out.dialect));
    return out;
}

std::string quoted(const fs::path& path) {
    std::string out = "'";
    for (const char c : path.string()) {
        out += c;
        if (c == '\'') out += c;
    }
    return out + "'";
}

Result<int> version_in(Session& session) {
    TRY(const auto tables,
        session.query("SELECT 1 FROM sqlite_master WHERE name = 'schema_version'", {}));
    if (tables.empty()) return 0;
    TRY(const auto rows, session.query("SELECT COALESCE(MAX(number), 0) FROM schema_version", {}));
    return static_cast<int>(rows.front().integer(0));
}

Status findings(Session& session) {
    TRY(const auto rows, session.query("PRAGMA integrity_check(1)", {}));
    if (rows.size() != 1 || rows.front().text(0) != "ok") {
        return fail(Errc::corrupt, rows.empty() ? "no answer" : rows.front().text(0));
    }
    TRY(const auto broken, session.query("PRAGMA foreign_key_check", {}));
    if (broken.empty()) return {};
    return fail(Errc::corrupt,
                fmt::format("{} rows of table {} and others refer to what is not there",
                            broken.size(), broken.front().text(0)));
}

}  // namespace

std::optional<fs::path> sqlite_file_of(std::string_view url) {
    if (!url.starts_with(prefix) || url.ends_with(":memory:")) return std::nullopt;
    return fs::path(url.substr(prefix.size()));
}

Result<int> sqlite_schema_version(const fs::path& file) {
    if (!fs::exists(file)) return 0;
    TRY(auto open, open_database(file));
    TRY(open.session->begin(false));
    auto version = version_in(*open.session);
    open.session->rollback();
    return version;
}

Status copy_sqlite(const fs::path& file, const fs::path& target) {
    if (fs::exists(target))
        return fail(Errc::conflict, fmt::format("{} exists already", target.string()));
    TRY(auto open, open_database(file));
    auto part = target;
    part += ".part";
    TRY(remove_file(part));
    // Made before SQLite does, so that nobody else can read it.
    TRY(open_file(part, O_RDWR | O_CREAT, 0600));
    TRY(open.session->run("VACUUM INTO " + quoted(part)));
    TRY(const auto written, open_file(part, O_RDONLY));
    TRY(sync_file(written.get(), part));
    std::error_code failed;
    fs::rename(part, target, failed);
    if (failed) return error_from_errno("rename " + part.string(), failed.value());
    return sync_folder(target.parent_path());
}

Status check_sqlite(const fs::path& file) {
    TRY(auto open, open_database(file));
    TRY(open.session->begin(false));
    auto checked = findings(*open.session);
    open.session->rollback();
    if (!checked) return context(file.string(), std::move(checked).error());
    return {};
}

}  // namespace strandline::store
