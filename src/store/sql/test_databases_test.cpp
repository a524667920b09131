#include "store/sql/test_databases.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fmt/core.h>
#include <memory>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ids.h"
#include "store/sql/database.h"

namespace strandline::store::test {
namespace {
namespace fs = std::filesystem;

constexpr const char* binaries = "/usr/lib/postgresql/15/bin";

struct Folder {
    fs::path path = fs::temp_directory_path() / make_id("store-test");
    Folder() { fs::create_directories(path); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() {
        std::error_code error;
        fs::remove_all(path, error);
    }
};

class PrivateServer {
public:
    PrivateServer() {
        if (!fs::exists(fs::path(binaries) / "initdb")) {
            reason_ = fmt::format("no server programs in {}", binaries);
            return;
        }
        if (!choose_user()) return;
        const fs::path data = folder_.path / "data";
        if (!run("initdb",
                 fmt::format("-D {} -A trust -U hub --no-locale -E UTF8 --no-sync", data.string())))
            return;
        started_ =
            run("pg_ctl",
                fmt::format("-D {0} -l {1}/log -w -t 60 -o \"-c listen_addresses='' -c fsync=off "
                            "-c unix_socket_directories={1}\" start",
                            data.string(), folder_.path.string()));
        if (started_)
            url_ = fmt::format("postgresql://hub@/postgres?host={}", folder_.path.string());
    }
    PrivateServer(const PrivateServer&) = delete;
    PrivateServer& operator=(const PrivateServer&) = delete;
    ~PrivateServer() {
        if (started_)
            run("pg_ctl",
                fmt::format("-D {}/data -m immediate -w -t 60 stop", folder_.path.string()));
    }

    [[nodiscard]] const std::string& url() const { return url_; }
    [[nodiscard]] const std::string& reason() const { return reason_; }

private:
    // The server refuses to run as root.
    bool choose_user() {
        if (::geteuid() != 0) return true;
        const passwd* user = ::getpwnam("postgres");
        if (user == nullptr) user = ::getpwnam("nobody");
        if (user == nullptr || ::chown(folder_.path.c_str(), user->pw_uid, user->pw_gid) != 0) {
            reason_ = "it refuses to run as root, and there is no other user to run it as";
            return false;
        }
        prefix_ = fmt::format("setpriv --reuid={} --regid={} --clear-groups ", user->pw_uid,
                              user->pw_gid);
        return true;
    }

    bool run(const std::string& program, const std::string& arguments) {
        const std::string command =
            fmt::format("cd {} && {}{}/{} {} >out.txt 2>&1 </dev/null", folder_.path.string(),
                        prefix_, binaries, program, arguments);
        if (std::system(command.c_str()) == 0) return true;
        reason_ = program + " failed";
        return false;
    }

    Folder folder_;
    std::string prefix_;
    std::string url_;
    std::string reason_;
    bool started_ = false;
};

}  // namespace

const std::string& postgresql_url() {
    static const std::string given = [] {
        const char* value = std::getenv("STRANDLINE_TEST_POSTGRESQL");
        return std::string(value == nullptr ? "" : value);
    }();
    if (!given.empty()) return given;
    static const PrivateServer server;
    static const bool told = [] {
        if (server.url().empty())
            std::printf("skipped: PostgreSQL tests: %s\n", server.reason().c_str());
        return true;
    }();
    static_cast<void>(told);
    return server.url();
}

std::vector<std::string> kinds() {
    std::vector<std::string> kinds{"sqlite"};
    if (!postgresql_url().empty()) kinds.emplace_back("postgresql");
    return kinds;
}

std::string fresh_url(const std::string& kind) {
    static const Folder folder;
    if (kind == "sqlite") return "sqlite:" + (folder.path / (make_id("db") + ".db")).string();
    // A schema is as good as a database here and needs no statement outside a transaction.
    std::string schema = make_id("test");
    schema.replace(schema.find('-'), 1, "_");
    DatabaseOptions options;
    options.url = postgresql_url();
    options.sessions = 1;
    const auto make = [&]() -> Status {
        TRY(const auto database, Database::open(options, {}));
        TRY(auto transaction, database->begin_write());
        TRY(transaction.execute("CREATE SCHEMA " + schema));
        return transaction.commit();
    };
    const auto done = make();
    if (!done) return "postgresql://unusable: " + done.error().message;
    const char* separator = options.url.find('?') == std::string::npos ? "?" : "&";
    return fmt::format("{}{}options=-csearch_path%3D{}", options.url, separator, schema);
}

}  // namespace strandline::store::test
