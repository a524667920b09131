#include "hub/broker/cut_session.h"

#include <fmt/core.h>

#include "base/file.h"
#include "base/ids.h"
#include "base/unfinished_files.h"
#include "net/mqtt_probe.h"

namespace strandline::hub {
namespace {

/// Removes the file of a private key again, whatever happens: after a crash the next start does, by
/// the name.
class TemporaryFile {
public:
    TemporaryFile(const std::filesystem::path& folder, std::string_view kind)
        : path_(folder / fmt::format("{}.{}", kind, make_id(unfinished_prefix))) {}
    ~TemporaryFile() { ignore(remove_file(path_), "the certificate is short-lived"); }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    [[nodiscard]] Status write(std::string_view text) const {
        return write_file_atomically(path_, as_bytes(text));
    }
    [[nodiscard]] std::string name() const { return path_.string(); }

private:
    std::filesystem::path path_;
};

net::MqttOptions connection(const SessionCut& cut) {
    net::MqttOptions options;
    options.host = cut.host;
    options.port = cut.port;
    options.client_id = cut.client_id;
    options.ca_file = cut.ca_file;
    options.session_expiry = std::chrono::seconds{0};  // also forgets what was kept for the client
    return options;
}

}  // namespace

net::Task<void> cut_session(net::Runtime& runtime, SessionCut cut, Deadline deadline) {
    const TemporaryFile certificate(cut.folder, "cut-cert");
    const TemporaryFile key(cut.folder, "cut-key");
    CO_TRY(certificate.write(cut.certificate_pem));
    CO_TRY(key.write(cut.private_key_pem));
    auto options = connection(cut);
    options.certificate_file = certificate.name();
    options.key_file = key.name();
    // The device may push this connection out again at once; it has done its work by then.
    auto done = co_await net::probe_mqtt(runtime, std::move(options), nullptr, deadline);
    if (!done) co_return context("end the session of " + cut.client_id, std::move(done).error());
    co_return Status{};
}

}  // namespace strandline::hub
