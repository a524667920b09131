#include "net/mqtt_local.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fmt/core.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>

namespace strandline::net {
namespace {

/// A new folder of mode 0700, and the path of a socket in it; removed with the object.
class PrivatePath {
public:
    static Result<PrivatePath> create(const std::string& parent) {
        auto folder = fmt::format("{}/strandline-{}-XXXXXX", parent, ::getpid());
        if (::mkdtemp(folder.data()) == nullptr) {
            return error_from_errno("make a folder in " + parent, errno);
        }
        return PrivatePath(std::move(folder));
    }
    PrivatePath(PrivatePath&& other) noexcept : folder_(std::exchange(other.folder_, {})) {}
    PrivatePath& operator=(PrivatePath&&) = delete;
    PrivatePath(const PrivatePath&) = delete;
    PrivatePath& operator=(const PrivatePath&) = delete;
    ~PrivatePath() {
        if (folder_.empty()) return;
        ::unlink(socket().c_str());
        ::rmdir(folder_.c_str());
    }

    [[nodiscard]] std::string socket() const { return folder_ + "/s"; }

private:
    explicit PrivatePath(std::string folder) : folder_(std::move(folder)) {}
    std::string folder_;
};

Result<UniqueFd> listen_at(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        return fail(Errc::invalid, path + " is too long for a Unix socket");
    }
    path.copy(address.sun_path, path.size());
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    if (!fd || ::bind(fd.get(), generic, sizeof address) != 0 || ::listen(fd.get(), 1) != 0) {
        return error_from_errno("listen at " + path, errno);
    }
    return fd;
}

Result<UniqueFd> connect_below(const std::string& parent,
                               const std::function<Status(const std::string&)>& connect) {
    TRY(const auto path, PrivatePath::create(parent));
    TRY(const auto listener, listen_at(path.socket()));
    TRY(connect(path.socket()));
    UniqueFd fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) return error_from_errno("accept at " + path.socket(), errno);
    return fd;
}

/// Memory first: a full or read-only disk must not cut a device off.
std::array<std::string, 3> parents() {
    std::error_code failed;
    auto temporary = std::filesystem::temp_directory_path(failed).string();
    return {"/dev/shm", std::move(temporary), "/tmp"};
}

}  // namespace

Result<UniqueFd> connect_locally(const std::function<Status(const std::string& path)>& connect) {
    Error last;
    for (const auto& parent : parents()) {
        auto made = connect_below(parent, connect);
        if (made) return made;
        last = std::move(made).error();
    }
    return fail(Errc::unavailable, "local socket: " + last.message);
}

}  // namespace strandline::net
