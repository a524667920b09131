#include "hub/broker/broker_config.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <fmt/core.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"

namespace strandline::hub {

namespace fs = std::filesystem;

namespace {

bool is_one_line(std::string_view text) {
    return std::none_of(text.begin(), text.end(), [](char c) { return c >= 0 && c < ' '; });
}

Status check_file(std::string_view what, const fs::path& path) {
    std::error_code ignored;
    if (!fs::is_regular_file(path, ignored)) {
        return fail(Errc::not_found,
                    fmt::format("broker: {} '{}' is not a file", what, path.string()));
    }
    return {};
}

Status check_topic(const std::string& topic) {
    const bool plain = topic.find_first_of(" +#%") == std::string::npos;
    if (!topic.empty() && plain && topic.front() != '/' && topic.back() != '/') return {};
    return fail(Errc::invalid,
                fmt::format("broker: '{}' is not a topic without spaces, %, + and #", topic));
}

std::string tls_listener(const BrokerOptions& options, std::uint16_t port) {
    std::string text = fmt::format(
        "listener {} {}\n"
        "cafile {}\n"
        "certfile {}\n"
        "keyfile {}\n"
        "require_certificate true\n"
        "use_identity_as_username true\n"
        "tls_version tlsv1.2\n",
        port, options.address, options.ca_file.string(), options.certificate_file.string(),
        options.key_file.string());
    if (options.client_id_is_name) text += "use_username_as_clientid true\n";
    if (!options.crl_file.empty()) text += fmt::format("crlfile {}\n", options.crl_file.string());
    return text;
}

}  // namespace

Status check_broker_options(const BrokerOptions& options) {
    if (options.folder.empty()) return fail(Errc::invalid, "broker: no folder given");
    for (const auto& text : {options.folder.string(), options.address, options.ca_file.string(),
                             options.certificate_file.string(), options.key_file.string(),
                             options.crl_file.string(), options.topic_root, options.hub_name}) {
        if (!is_one_line(text)) {
            return fail(Errc::invalid, "broker: an option holds a control character");
        }
    }
    TRY(check_topic(options.topic_root));
    if (options.plain_listener) {
        for (const auto& topic : options.plain_listener->readable_topics) {
            if (!is_one_line(topic))
                return fail(Errc::invalid, "broker: a topic holds a control character");
            TRY(check_topic(topic));
        }
    }
    TRY(check_file("CA certificate", options.ca_file));
    TRY(check_file("certificate", options.certificate_file));
    TRY(check_file("private key", options.key_file));
    if (!options.crl_file.empty()) TRY(check_file("revocation list", options.crl_file));
    return {};
}

std::string broker_config(const BrokerOptions& options, const BrokerPorts& ports) {
    const auto folder = options.folder.string();
    std::string text = "# Written at each start of the hub; changes are lost.\n";
    // Started as root it would change to a user that cannot read the folder.
    if (::geteuid() == 0) text += "user root\n";
    text += fmt::format(
        "per_listener_settings false\n"
        "allow_anonymous {}\n"
        "acl_file {}/acl\n"
        "password_file {}/passwords\n"
        "persistence true\n"
        "persistence_location {}/\n"
        "persistence_file messages.db\n"
        "autosave_interval {}\n"
        "max_queued_messages {}\n"
        "max_inflight_messages {}\n"
        "max_packet_size {}\n"
        "persistent_client_expiration {}h\n"
        "set_tcp_nodelay true\n"
        "log_dest stderr\n"
        "log_timestamp false\n"
        "log_type error\n"
        "log_type warning\n"
        "log_type notice\n"
        "log_type information\n",
        options.plain_listener.has_value(), folder, folder, folder, options.autosave.count(),
        options.max_queued_messages, options.max_inflight_messages, options.max_packet_bytes,
        options.session_limit.count());
    text += tls_listener(options, ports.tls);
    if (options.plain_listener) {
        text += fmt::format("listener {} {}\n", ports.plain, options.plain_listener->address);
    }
    return text;
}

std::string external_broker_config(const BrokerOptions& options) {
    return fmt::format(
               "# Strandline's listener, for mosquitto 2.0: put this file into conf.d.\n"
               "# Copy the four files named below to where mosquitto may read them; the hub "
               "renews\n"
               "# certificate and revocation list, so copy them again and send SIGHUP when it "
               "does.\n"
               "per_listener_settings true\n") +
           tls_listener(options, options.port) +
           fmt::format(
               "allow_anonymous false\n"
               "acl_file {}\n"
               "max_queued_messages {}\n"
               "max_inflight_messages {}\n"
               "max_packet_size {}\n"
               "persistent_client_expiration {}h\n",
               (options.folder / "acl").string(), options.max_queued_messages,
               options.max_inflight_messages, options.max_packet_bytes,
               options.session_limit.count());
}

std::string broker_acl(const BrokerOptions& options) {
    std::string text;
    // Rules before the first user are those of clients without a name: of the plain listener.
    if (options.plain_listener) {
        for (const auto& topic : options.plain_listener->readable_topics) {
            text += fmt::format("topic read {}\n", topic);
        }
    }
    text += fmt::format("\nuser {}\ntopic readwrite {}/#\ntopic read $SYS/#\n", options.hub_name,
                        options.topic_root);
    if (options.plain_listener && options.plain_listener->hub_writes_them) {
        for (const auto& topic : options.plain_listener->readable_topics) {
            text += fmt::format("topic readwrite {}\n", topic);
        }
    }
    for (const auto& device : options.muted) {
        // A line break would begin a rule of its own.
        if (!is_one_line(device)) continue;
        text += fmt::format("\nuser {0}\ntopic deny {1}/d/{0}/up/#\n", device, options.topic_root);
    }
    text += fmt::format(
        "\npattern read {0}/d/%u/down/#\n"
        "pattern write {0}/d/%u/up/state\n"
        "pattern write {0}/d/%u/up/reported\n"
        "pattern read {0}/b/#\n",
        options.topic_root);
    return text;
}

LogLevel broker_log_level(std::string_view line) {
    // Broadcast topics are the same for everybody on purpose.
    if (line.starts_with("Warning: ACL pattern")) return LogLevel::debug;
    if (line.starts_with("Warning: Mosquitto should not be run as root")) return LogLevel::info;
    if (line.starts_with("Warning")) return LogLevel::warn;
    // Anybody who reaches the port can cause these.
    if (line.starts_with("OpenSSL Error") || line.starts_with("Socket error"))
        return LogLevel::debug;
    if (line.starts_with("Error")) return LogLevel::error;
    if (line.starts_with("mosquitto version")) return LogLevel::info;
    return LogLevel::debug;
}

Result<std::uint16_t> pick_free_port(const std::string& address) {
    sockaddr_in6 six{};
    sockaddr_in four{};
    six.sin6_family = AF_INET6;
    four.sin_family = AF_INET;
    const bool is_six = ::inet_pton(AF_INET6, address.c_str(), &six.sin6_addr) == 1;
    if (!is_six && ::inet_pton(AF_INET, address.c_str(), &four.sin_addr) != 1) {
        four.sin_addr.s_addr = htonl(INADDR_ANY);  // a name: any address of ours is as good
    }
    auto* where = is_six ? reinterpret_cast<sockaddr*>(&six) : reinterpret_cast<sockaddr*>(&four);
    socklen_t size = is_six ? sizeof six : sizeof four;
    const UniqueFd fd(::socket(where->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) return error_from_errno("socket", errno);
    if (::bind(fd.get(), where, size) != 0 || ::getsockname(fd.get(), where, &size) != 0) {
        return error_from_errno("bind to " + address, errno);
    }
    return ntohs(is_six ? six.sin6_port : four.sin_port);
}

}  // namespace strandline::hub
